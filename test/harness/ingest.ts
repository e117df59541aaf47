import { randomBytes } from 'node:crypto'
import { IngestTracesDocument, type ReceiptFragment, type SpanInput, type TraceInput } from '../generated/documents.ts'
import type { GraphQLClient } from './graphql-client.ts'

/** Through the mutation, as a client with types does it. */
export async function ingest(client: GraphQLClient, ...traces: TraceInput[]): Promise<ReceiptFragment> {
  const { ingestTraces } = await client.ask(IngestTracesDocument, { input: { traces } })
  return ingestTraces as ReceiptFragment
}

export interface PlainAnswer {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: whatever the door answers.
  body: any
}

/** Through the plain door, as an SDK does it; `body` may be anything. */
export async function post(
  client: Pick<GraphQLClient, 'url' | 'key'>,
  body: unknown,
  headers = {},
): Promise<PlainAnswer> {
  const response = await fetch(`${client.url}/ingest`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${client.key}`, ...headers },
    body: typeof body === 'string' || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
  })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

/** An id that no other test has. */
export function freshId(prefix = 'trace'): string {
  return `${prefix}-${randomBytes(6).toString('hex')}`
}

export function llmSpan(id: string, more: Partial<SpanInput> = {}): SpanInput {
  return {
    id,
    kind: 'LLM',
    name: 'chat',
    model: 'gpt-4o',
    provider: 'openai',
    inputTokens: 1_000,
    outputTokens: 100,
    startedAt: '2026-11-20T10:00:00.000Z',
    endedAt: '2026-11-20T10:00:02.000Z',
    ...more,
  }
}
