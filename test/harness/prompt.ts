import {
  CreatePromptDocument,
  type PromptContentInput,
  PromptDocument,
  PublishPromptDocument,
  UpdatePromptDraftDocument,
} from '../generated/documents.ts'
import type { GraphQLClient } from './graphql-client.ts'
import { freshId } from './ingest.ts'

/** A prompt that says just this. */
export function saying(content: string, more: Partial<PromptContentInput> = {}): PromptContentInput {
  return { blocks: [{ id: 'said', role: 'SYSTEM', content }], ...more }
}

export async function makePrompt(client: GraphQLClient, content = saying('Be kind.'), name = freshId('prompt')) {
  return (await client.ask(CreatePromptDocument, { input: { name, content } })).createPrompt
}

/** Whatever the draft says now. */
export async function publish(client: GraphQLClient, name: string, more: { label?: string; note?: string } = {}) {
  const expectedRevision = (await getPrompt(client, name)).draft.revision
  return (await client.ask(PublishPromptDocument, { name, expectedRevision, ...more })).publishPrompt
}

export async function rewrite(client: GraphQLClient, name: string, input: PromptContentInput) {
  const expectedRevision = (await getPrompt(client, name)).draft.revision
  return (await client.ask(UpdatePromptDraftDocument, { name, input, expectedRevision })).updatePromptDraft
}

export async function getPrompt(client: GraphQLClient, name: string) {
  const { prompt } = await client.ask(PromptDocument, { name })
  if (!prompt) throw new Error(`no prompt ${name}`)
  return prompt
}
