import type { Workbench } from './workbench.ts'

/** Of a published prompt that is sent to the provider `bench` at that address. */
export async function openSession({ ask }: Workbench, key: string, baseUrl: string, content: object): Promise<string> {
  const { createPlaygroundSession } = await ask<{ createPlaygroundSession: { id: string } }>(
    key,
    `mutation ($provider: SetProviderInput!, $prompt: CreatePromptInput!, $name: String!) {
      setProvider(input: $provider) { name }
      createPrompt(input: $prompt) { id }
      publishPrompt(name: $name, expectedRevision: 1) { etag }
      createPlaygroundSession(input: { promptName: $name }) { id }
    }`,
    {
      provider: { name: 'bench', type: 'OPENAI_COMPATIBLE', baseUrl, apiKey: 'sk-bench-0123456789' },
      prompt: { name: 'support-triage', content },
      name: 'support-triage',
    },
  )
  return createPlaygroundSession.id
}
