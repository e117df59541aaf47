import { requestOf, sendAlone } from './connection.ts'
import { createRandom } from './random.ts'
import { makeSpans } from './trace-shape.ts'

/** Each makes two events: it is created, and finished. */
export const eventsPerTrace = 2

/** Traces of one ended span: as little as there can be to take in besides what is told of it. */
export function createSmallTraces(seed: number) {
  const random = createRandom(seed)
  return (count: number) =>
    Array.from({ length: count }, () => ({
      id: random.hex(32),
      agent: random.pickSkewed(['support-triage', 'research', 'code-review', 'billing']),
      name: 'conversation',
      spans: makeSpans(random, { spans: 1, depth: 1, contentBytes: 400 }),
    }))
}

export type SmallTrace = ReturnType<ReturnType<typeof createSmallTraces>>[number]

export function ingestRequest(key: string, traces: readonly SmallTrace[]): Buffer {
  return requestOf('/ingest', JSON.stringify({ traces }), { authorization: `Bearer ${key}` })
}

/** Answers with the receipt's cursor. */
export async function ingest(address: string, key: string, traces: readonly SmallTrace[]): Promise<string> {
  const { status, body } = await sendAlone(address, ingestRequest(key, traces))
  const receipt = JSON.parse(body.toString('utf8')) as { accepted?: number; cursor: string }
  if (status === 200 && receipt.accepted === traces.length) return receipt.cursor
  throw new Error(`a batch was answered with ${status}: ${body.toString('utf8').slice(0, 1_000)}`)
}
