import { ReasoningTraceDocument, StoreReasoningDocument, type StoreReasoningInput } from '../generated/documents.ts'
import type { GraphQLClient } from './graphql-client.ts'

/** A record as a client gives it, with what of it the test is about. */
export function reasoning(more: Partial<StoreReasoningInput> = {}): StoreReasoningInput {
  return {
    decision: { type: 'DECISION', summary: 'Offer an upgrade' },
    reasoning: { observations: ['87 of 100 calls were used today'], conclusion: 'The limit is near.' },
    ...more,
  }
}

export async function storeReasoning(client: GraphQLClient, more: Partial<StoreReasoningInput> = {}) {
  return (await client.ask(StoreReasoningDocument, { input: reasoning(more) })).storeReasoning
}

/** Each came of the one before; from the root down. */
export async function storeChain(client: GraphQLClient, length: number): Promise<string[]> {
  const ids: string[] = []
  for (let index = 0; index < length; index++) {
    const parentId = ids.at(-1)
    ids.push((await storeReasoning(client, parentId === undefined ? {} : { parentId })).id)
  }
  return ids
}

export async function findReasoning(client: GraphQLClient, id: string) {
  return (await client.ask(ReasoningTraceDocument, { id })).reasoningTrace
}
