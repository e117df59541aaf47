import { createAnthropic } from '@ai-sdk/anthropic'
import { createGoogleGenerativeAI } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import type { LanguageModel } from 'ai'
import type { Fetch } from './guarded-fetch.ts'
import { ModelCallError, type ModelProvider, type ProviderType } from './model-call.ts'

/** Given always, for without one the SDK looks for an address and a key in the environment: the operator's. */
const publicBaseUrls: Record<ProviderType, string | null> = {
  OPENAI: 'https://api.openai.com/v1',
  ANTHROPIC: 'https://api.anthropic.com/v1',
  GOOGLE: 'https://generativelanguage.googleapis.com/v1beta',
  OPENAI_COMPATIBLE: null,
}

/** The key by which the SDK reads the options of each provider. */
export const optionKeys: Record<ProviderType, string> = {
  OPENAI: 'openai',
  ANTHROPIC: 'anthropic',
  GOOGLE: 'google',
  OPENAI_COMPATIBLE: 'openaiCompatible',
}

export interface ProviderModelOptions {
  provider: ModelProvider
  type: ProviderType
  model: string
  isChat: boolean
  fetch: Fetch
}

export function createProviderModel({ provider, type, model, isChat, fetch }: ProviderModelOptions): LanguageModel {
  const { apiKey } = provider
  const baseURL = readBaseUrl(provider, type)
  checkModelName(model)
  if (apiKey !== null && !/^[\x21-\x7e]+$/.test(apiKey)) {
    throw notConfigured(provider, 'has a key with characters that no key has')
  }
  if (type === 'OPENAI_COMPATIBLE') {
    return createOpenAICompatible({
      // Part of the SDK's key for provider options: fixed, whatever the provider is called.
      name: 'openaiCompatible',
      baseURL,
      fetch,
      includeUsage: true,
      supportsStructuredOutputs: true,
      // Otherwise the SDK would fetch images itself, where the server can.
      supportedUrls: () => ({ 'image/*': [/^https?:/] }),
      ...(apiKey !== null && { apiKey }),
    })(model)
  }
  if (apiKey === null) throw notConfigured(provider, 'has no key')
  const settings = { apiKey, baseURL, fetch }
  if (type === 'ANTHROPIC') return createAnthropic(settings)(model)
  if (type === 'GOOGLE') return createGoogleGenerativeAI(settings)(model)
  const openai = createOpenAI(settings)
  return isChat ? openai.chat(model) : openai.responses(model)
}

function readBaseUrl(provider: ModelProvider, type: ProviderType): string {
  const baseUrl = provider.baseUrl ?? publicBaseUrls[type]
  if (baseUrl === null) throw notConfigured(provider, 'has no base URL')
  if (!URL.canParse(baseUrl)) throw notConfigured(provider, 'has a base URL that is none')
  return baseUrl
}

/** It becomes part of the address at some providers, and must not lead to another one there. */
function checkModelName(model: string): void {
  if (model === '') throw new ModelCallError('UNKNOWN_MODEL', 'No model is named.')
  if (/[\s?#%\\]|\.\./.test(model)) throw new ModelCallError('UNKNOWN_MODEL', 'The model has a name that no model has.')
}

function notConfigured(provider: ModelProvider, problem: string): ModelCallError {
  return new ModelCallError('PROVIDER_NOT_CONFIGURED', `The provider "${provider.name}" ${problem}.`)
}
