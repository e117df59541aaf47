import { type SpanInput, SpanTreeDocument, type SpanTreeQueryVariables } from '../generated/documents.ts'
import type { GraphQLClient } from './graphql-client.ts'
import { freshId, ingest } from './ingest.ts'

/** A span as `spanTree` and the typed fields give it. */
export interface DrawnSpan {
  id: string
  parentId: string | null
  depth: number
  children: DrawnSpan[]
  [field: string]: unknown
}

export const narrowSpanFields =
  'id parentId kind name status errorMessage startedAt endedAt durationMs model provider inputTokens outputTokens ' +
  'totalTokens cachedInputTokens reasoningTokens cost costSource depth'

/** So many levels of spans, and the ids of those below. */
export function nestedSelection(levels: number, fields = narrowSpanFields): string {
  return levels === 0 ? 'id' : `${fields} children { ${nestedSelection(levels - 1, fields)} }`
}

export async function askRootSpans(client: GraphQLClient, id: string, selection: string): Promise<DrawnSpan[]> {
  const document = `query ($id: ID!) { trace(id: $id) { rootSpans { ${selection} } } }`
  const { trace } = await client.ask<{ trace: { rootSpans: DrawnSpan[] } }, { id: string }>(document, { id })
  return trace.rootSpans
}

type Cut = Omit<SpanTreeQueryVariables, 'id'>

export async function drawSpans(client: GraphQLClient, id: string, cut: Cut = {}): Promise<DrawnSpan[]> {
  const { trace } = await client.ask(SpanTreeDocument, { id, ...cut })
  if (!trace) throw new Error(`there is no trace ${id}`)
  return trace.spanTree as DrawnSpan[]
}

/** Who stands where: `a(b(c) d) e`. */
export function outline(nodes: readonly DrawnSpan[]): string {
  return nodes.map(({ id, children }) => (children.length > 0 ? `${id}(${outline(children)})` : id)).join(' ')
}

export function plainSpan(id: string, parentId: string | null, more: Partial<SpanInput> = {}): SpanInput {
  return { id, parentId, name: `the span ${id}`, startedAt: '2026-11-20T10:00:00.000Z', ...more }
}

/** A new trace of these, sent a thousand at a time. */
export async function sendSpans(client: GraphQLClient, spans: readonly SpanInput[]): Promise<string> {
  const id = freshId()
  for (let start = 0; start < spans.length; start += 1_000) {
    const { errors } = await ingest(client, { id, spans: spans.slice(start, start + 1_000) })
    if (errors.length > 0) throw new Error(`spans were refused: ${JSON.stringify(errors)}`)
  }
  return id
}
