import type { Random } from './random.ts'

export interface Model {
  provider: string
  name: string
  tokensPerSecond: number
  firstTokenMs: number
  /** How many tokens it thinks before it answers: the median, 0 for those that don't. */
  thinks: number
  parameters: Record<string, unknown>
}

const cool = { temperature: 0.2, max_tokens: 2_048 }

export const gpt4o = model('openai', 'gpt-4o', 85, 450, 0, cool)
export const gpt5 = model('openai', 'gpt-5', 70, 900, 900, { reasoning_effort: 'medium' })
export const gpt5Mini = model('openai', 'gpt-5-mini', 120, 600, 350, { reasoning_effort: 'low' })
export const sonnet = model('anthropic', 'claude-sonnet-4-5', 65, 700, 0, { temperature: 0.1, max_tokens: 4_096 })
export const haiku = model('anthropic', 'claude-haiku-4-5', 140, 380, 0, { temperature: 0, max_tokens: 1_024 })
export const geminiPro = model('google', 'gemini-2.5-pro', 90, 1_100, 1_200, { temperature: 0.3, topP: 0.95 })
export const flash = model('google', 'gemini-2.5-flash', 180, 320, 150, { temperature: 0.3, topP: 0.95 })
/** No price list knows what a machine of one's own costs. */
export const local = model('llama.cpp', 'qwen3-30b-a3b-q4_k_m', 42, 180, 0, { temperature: 0.2, n_ctx: 32_768 })
export const smallEmbedding = model('openai', 'text-embedding-3-small', 0, 60, 0, { dimensions: 512 })

function model(
  provider: string,
  name: string,
  tokensPerSecond: number,
  firstTokenMs: number,
  thinks: number,
  parameters: Record<string, unknown>,
): Model {
  return { provider, name, tokensPerSecond, firstTokenMs, thinks, parameters }
}

export function requestIdOf({ provider }: Model, random: Random): string {
  return provider === 'llama.cpp' ? random.hex(8) : `req_${random.hex(24)}`
}

/** What their doors say when too much is asked of them, word for word. */
export function rateLimitMessage({ provider, name }: Model, random: Random): string {
  if (provider === 'anthropic') {
    return "429 rate_limit_error: This request would exceed your organization's rate limit of 80,000 input tokens per minute."
  }
  if (provider === 'google') {
    return `429 RESOURCE_EXHAUSTED: Quota exceeded for metric generate_content_requests, limit: 150, model: ${name}`
  }
  if (provider === 'llama.cpp') return '503 Service Unavailable: no slot is free'
  const used = random.whole(28_000, 29_990)
  return `429 Rate limit reached for ${name} on tokens per min (TPM): Limit 30000, Used ${used}, Requested ${random.whole(1_200, 4_000)}.`
}
