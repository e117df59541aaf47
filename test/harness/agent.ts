import { AgentDocument, type AgentFieldsFragment } from '../generated/documents.ts'
import type { GraphQLClient } from './graphql-client.ts'
import { freshId, ingest } from './ingest.ts'

/** The agent of that name, made as clients make one: by a trace that names it. */
export async function makeAgent(client: GraphQLClient, name = freshId('agent')): Promise<AgentFieldsFragment> {
  await ingest(client, { id: freshId(), agent: name })
  const agent = await findAgent(client, name)
  if (!agent) throw new Error(`a trace of "${name}" made no agent`)
  return agent
}

export async function findAgent(client: GraphQLClient, name: string): Promise<AgentFieldsFragment | null> {
  return ((await client.ask(AgentDocument, { name })).agent as AgentFieldsFragment | null | undefined) ?? null
}
