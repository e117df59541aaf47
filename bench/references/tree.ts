/**
 * The nested tree as somebody would write it by hand for this one question: one select of the trace's spans, objects
 * put into each other, JSON.stringify.
 */
import type { Pool } from 'pg'
import { serve } from './serve.ts'

/** As the product writes its codes. */
const kinds = ['OTHER', 'CHAIN', 'GUARDRAIL', 'AGENT', 'TOOL', 'RETRIEVER', 'EMBEDDING', 'LLM']
const statuses = ['RUNNING', 'COMPLETED', 'TIMED_OUT', 'FAILED']

const text = `
  select id, parent_id, kind, name, status, started_at, ended_at, duration_ms, model, input_tokens, output_tokens,
    coalesce(cost, computed_cost) as cost
  from spans where tenant_id = $1 and trace_id = $2
  order by started_at, id`

interface Node {
  id: string
  [field: string]: unknown
  children: Node[] | undefined
}

serve(async (body, pool) => {
  const { tenantId, traceId, depth } = JSON.parse(body) as { tenantId: string; traceId: string; depth: number }
  const rootSpans = await readTree(pool, [tenantId, traceId])
  for (const root of rootSpans) cut(root, depth)
  return JSON.stringify({ data: { trace: { rootSpans } } })
})

async function readTree(pool: Pool, values: string[]): Promise<Node[]> {
  const { rows } = await pool.query({ name: 'tree', text, values })
  const nodes = new Map<string, Node>()
  for (const row of rows) {
    nodes.set(row.id, {
      id: row.id,
      parentId: row.parent_id,
      kind: kinds[row.kind],
      name: row.name,
      status: statuses[row.status],
      startedAt: row.started_at,
      endedAt: row.ended_at,
      durationMs: row.duration_ms ?? (row.ended_at && row.ended_at - row.started_at),
      model: row.model,
      inputTokens: row.input_tokens,
      outputTokens: row.output_tokens,
      cost: row.cost,
      children: [],
    })
  }
  const roots: Node[] = []
  for (const row of rows) {
    const siblings = nodes.get(row.parent_id)?.children ?? roots
    siblings.push(nodes.get(row.id) as Node)
  }
  return roots
}

/** The last level that was asked for has no `children`. */
function cut(node: Node, depth: number): void {
  if (depth === 1) node.children = undefined
  else for (const child of node.children ?? []) cut(child, depth - 1)
}
