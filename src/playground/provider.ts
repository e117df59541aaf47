import { InvalidInputError } from '../errors.ts'
import type { ModelProvider, ProviderType } from '../models/model-call.ts'
import { shown } from '../shown.ts'

/** Whose it is: the operator's, from the environment of the process, or the tenant's. */
export const providerSources = ['ENVIRONMENT', 'TENANT'] as const
export type ProviderSource = (typeof providerSources)[number]

/** As its readers see it: never with its key. */
export interface Provider {
  name: string
  type: ModelProvider['type']
  baseUrl: string | null
  hasApiKey: boolean
  source: ProviderSource
}

export interface StoredProvider {
  name: string
  type: ProviderType
  baseUrl: string | null
  sealedKey: Uint8Array | null
}

export interface SetProviderInput {
  name: string
  type: ModelProvider['type']
  baseUrl?: string | null | undefined
  apiKey?: string | null | undefined
}

/** Answers from the prompt without any model, and says so: the loop can be tried without a key. */
export const demoProvider: ModelProvider = {
  name: 'demo',
  type: 'DEMO',
  baseUrl: null,
  apiKey: null,
  mayBePrivate: false,
}

const maxKeyLength = 1_000

export function checkProvider({ name, type, baseUrl, apiKey }: SetProviderInput): Omit<StoredProvider, 'sealedKey'> {
  if (!/^[a-z0-9][a-z0-9._-]{0,49}$/.test(name)) {
    const rule = 'A provider has a name of 1 to 50 of a-z, 0-9, ".", "_" and "-", a letter or digit first'
    throw new InvalidInputError('input.name', `${rule}; got ${shown(name)}.`)
  }
  if (type === 'DEMO' || name === demoProvider.name) {
    const field = type === 'DEMO' ? 'input.type' : 'input.name'
    throw new InvalidInputError(field, 'The provider "demo" is built in: choose another name and type.')
  }
  if (apiKey && (apiKey.length > maxKeyLength || !/^[\x21-\x7e]+$/.test(apiKey))) {
    throw new InvalidInputError('input.apiKey', `A key has up to ${maxKeyLength} printable characters and no spaces.`)
  }
  const address = baseUrl ? requireUrl(baseUrl) : null
  if (type === 'OPENAI_COMPATIBLE' && address === null) {
    throw new InvalidInputError('input.baseUrl', 'OPENAI_COMPATIBLE needs a baseUrl: https://models.example/v1')
  }
  return { name, type, baseUrl: address }
}

function requireUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.username || url.password || text.length > 1_000) {
    throw new InvalidInputError('input.baseUrl', `A baseUrl is an http or https address; got ${shown(text)}.`)
  }
  return text
}
