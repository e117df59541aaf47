/**
 * The tree as PostgreSQL can write it: each span as text, in the order of a walk from the top, with as many brackets
 * behind it as levels end there; node passes the text on. A flat list of the same spans by `json_agg`, which is no tree,
 * is told apart: PostgreSQL has no quicker way to write them at all.
 */
import { serve } from './serve.ts'

const startedAt = 'coalesce(started_at, ended_at, created_at)'
const values: Record<string, string> = {
  id: 'id',
  parentId: 'parent_id',
  kind: `(array['OTHER', 'CHAIN', 'GUARDRAIL', 'AGENT', 'TOOL', 'RETRIEVER', 'EMBEDDING', 'LLM'])[kind + 1]`,
  name: 'name',
  status: `(array['RUNNING', 'COMPLETED', 'TIMED_OUT', 'FAILED'])[status + 1]`,
  errorMessage: 'error_message',
  startedAt,
  endedAt: 'ended_at',
  durationMs: '(coalesce(duration_ms, extract(epoch from ended_at - started_at) * 1000))::float8',
  model: 'model',
  provider: 'provider',
  inputTokens: 'input_tokens',
  outputTokens: 'output_tokens',
  totalTokens: 'coalesce(total_tokens, input_tokens + output_tokens, input_tokens, output_tokens)',
  cachedInputTokens: 'cached_input_tokens',
  reasoningTokens: 'reasoning_tokens',
  cost: 'trim_scale(coalesce(cost, computed_cost))::text',
  costSource: `case when cost is not null then 'REPORTED' when computed_cost is not null then 'COMPUTED' else 'UNPRICED' end`,
}

/** Half the time of `json_build_object`, and 10 % less than `row_to_json`, which writes all fields first and `children` never. */
const fields = Object.entries(values)
  .map(([name, value]) => `'"${name}":' || coalesce(to_json(${value})::text, 'null')`)
  .join(` || ',' || `)

const nested = `
  with recursive given as materialized (
    select id, parent_id, row_number() over (order by ${startedAt}, id)::int as place, '{' || ${fields} as text
    from spans where tenant_id = $1 and trace_id = $2),
  tree as (
    select id, text, array[place] as path, 0 as depth from given where parent_id is null
    union all
    select g.id, g.text, tree.path || g.place, tree.depth + 1 from tree join given g on g.parent_id = tree.id),
  walked as (select text, depth, lead(depth) over (order by path) as next from tree)
  select '{"data":{"trace":{"spanTree":[' || string_agg(
    text || ',"depth":' || depth || ',"children":[' || case when next > depth then ''
      else repeat(']}', depth - coalesce(next, 0) + 1) || case when next is null then '' else ',' end end, '') || ']}}}' as text
  from walked`

const flat = `
  select json_agg(span)::text as text from (
    select ${Object.entries(values).map(([name, value]) => `${value} as "${name}"`)}
    from spans where tenant_id = $1 and trace_id = $2 order by ${startedAt}, id) as span`

serve(async (body, pool) => {
  const { tenantId, traceId, isFlat } = JSON.parse(body) as { tenantId: string; traceId: string; isFlat?: boolean }
  const query = isFlat ? { name: 'flat', text: flat } : { name: 'nested', text: nested }
  const { rows } = await pool.query({ ...query, values: [tenantId, traceId] })
  return rows[0].text
})
