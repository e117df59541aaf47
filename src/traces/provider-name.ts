import { findProvider } from '@pydantic/genai-prices'
import { rememberLatest } from '../remember-latest.ts'

/**
 * Clients name one provider in many ways: `azure`, `azure_openai`, `azure.ai.openai`, `azure-openai.chat`. The list of
 * public prices knows some of them; these it takes for another provider, or doesn't know. Separators count as "-".
 */
const aliases: readonly [name: RegExp, provider: string][] = [
  [/^azure|^az-ai/, 'azure'],
  [/bedrock/, 'aws'],
  [/vertex|gemini|^google|^gcp-/, 'google'],
  [/^x-?ai(-|$)|^grok(-|$)/, 'x-ai'],
  [/^(groq|deepseek|fireworks|minimax|novita|openrouter|perplexity|zhipuai)-/, '$1'],
  [/^pplx/, 'perplexity'],
  [/^together/, 'together'],
  [/^z-ai(-|$)/, 'zai'],
  [/^zhipu/, 'zhipuai'],
]

/** They speak as another does, and bill as they like; the list would take "openai-compatible" for OpenAI. */
const isStandIn = /compat|like|proxy/

/** Provider names are short; what is longer is not looked for. */
const maxLength = 200

/** The one name of a provider under which prices are compared: the public list's, or its own in lower case. */
export const providerOf: (name: string) => string = rememberLatest(2_000, (name) => {
  const own = name.trim().toLowerCase()
  return findListed(own) ?? own
})

export function isListedProvider(name: string): boolean {
  return findListed(providerOf(name)) !== null
}

function findListed(name: string): string | null {
  if (name === '' || name.length > maxLength || isStandIn.test(name)) return null
  const found = findProvider({ providerId: name })?.id
  if (found === name) return found
  const spelled = name.replace(/[\s_./]+/g, '-')
  for (const [pattern, provider] of aliases) {
    const match = pattern.exec(spelled)
    if (match) return provider === '$1' ? (match[1] ?? null) : provider
  }
  return found ?? null
}
