import { print } from 'graphql'
import { IngestTracesDocument, type ReceiptFragment } from '../generated/documents.ts'
import { type GraphQLClient, type GraphQLErrorAnswer, headersOf } from './graphql-client.ts'

/** What either door says of traces: a receipt, or why nothing was taken in. */
export interface DoorAnswer {
  status: number
  receipt: ReceiptFragment | null
  errors: GraphQLErrorAnswer[]
}

export interface Door {
  name: string
  /** `traces` is JSON text, so that it may hold what no value of ours can. */
  send(client: Pick<GraphQLClient, 'url' | 'key'>, traces: string): Promise<DoorAnswer>
}

/** The two ways for traces to come in. */
export const doors: readonly Door[] = [
  {
    name: 'the mutation',
    async send(client, traces) {
      const query = JSON.stringify(print(IngestTracesDocument))
      const body = `{"query":${query},"variables":{"input":{"traces":${traces}}}}`
      const { status, answer } = await postText(client, '/graphql', body)
      return { status, receipt: answer.data?.ingestTraces ?? null, errors: answer.errors ?? [] }
    },
  },
  {
    name: 'the plain door',
    async send(client, traces) {
      const { status, answer } = await postText(client, '/ingest', `{"traces":${traces}}`)
      return { status, receipt: answer.errors && !answer.traceIds ? null : answer, errors: refusalsOf(answer) }
    },
  },
]

async function postText({ url, key }: Pick<GraphQLClient, 'url' | 'key'>, path: string, body: string) {
  const response = await fetch(`${url}${path}`, { method: 'POST', headers: headersOf(key), body })
  // biome-ignore lint/suspicious/noExplicitAny: whatever the door answers.
  return { status: response.status, answer: (await response.json()) as any }
}

/** A receipt has errors of its own, which are none of the request. */
function refusalsOf(answer: { traceIds?: unknown; errors?: GraphQLErrorAnswer[] }): GraphQLErrorAnswer[] {
  return answer.traceIds ? [] : (answer.errors ?? [])
}

/** Sends traces that must be taken in. */
export async function sendIn(door: Door, client: GraphQLClient, ...traces: object[]): Promise<ReceiptFragment> {
  const { receipt, errors } = await door.send(client, JSON.stringify(traces))
  if (!receipt || receipt.rejected > 0) throw new Error(`${door.name} refused: ${JSON.stringify(receipt ?? errors)}`)
  return receipt
}
