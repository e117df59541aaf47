import { isRecord, type JsonRecord } from '../json-record.ts'
import type { ProviderType } from './model-call.ts'

/**
 * Where the parameters of a call go. Three ways, so that nothing is dropped: what all models share becomes a setting
 * of the AI SDK, what it knows of this provider becomes one of its provider options, and all the rest is put into the
 * body of the request as it is written (the SDK would drop what it doesn't know). Both spellings are understood:
 * `reasoning_effort` as the protocol has it, `reasoningEffort` as the SDK has it.
 */
export interface PlacedParameters {
  settings: CallSettings
  providerOptions: JsonRecord
  body: JsonRecord
  /** OpenAI only: chat completions instead of the Responses API. */
  isChat: boolean
  warnings: string[]
}

export interface CallSettings {
  temperature?: number
  topP?: number
  topK?: number
  maxOutputTokens?: number
  stopSequences?: string[]
  seed?: number
  presencePenalty?: number
  frequencyPenalty?: number
}

export function placeParameters(type: ProviderType, parameters: JsonRecord | null): PlacedParameters {
  const { api, ...rest } = parameters ?? {}
  const isChat = type === 'OPENAI' && api === 'chat'
  const placed: PlacedParameters = { settings: {}, providerOptions: {}, body: {}, isChat, warnings: [] }
  if (type !== 'OPENAI' && api !== undefined) rest.api = api
  for (const [name, value] of Object.entries(rest)) {
    if (value !== null && value !== undefined) place(type, name, value, placed)
  }
  return placed
}

function place(type: ProviderType, name: string, value: unknown, placed: PlacedParameters): void {
  if (reservedNames.has(name)) {
    if (name === 'n' && value === 1) return
    placed.warnings.push(`The parameter "${name}" was not sent: it is made from the call itself.`)
    return
  }
  const setting = settingNames[name]
  if (setting !== undefined && !(type === 'OPENAI_COMPATIBLE' && writtenAsIs.has(name))) {
    Object.assign(placed.settings, { [setting]: settingValue(setting, value) })
  } else if (isOption(type, name, value, placed.isChat)) {
    placed.providerOptions[camelCase(name)] = type === 'GOOGLE' ? camelCaseKeys(value) : value
  } else {
    placeInBody(type, name, value, placed.body)
  }
}

function isOption(type: ProviderType, name: string, value: unknown, isChat: boolean): boolean {
  const options = isChat ? optionNames.OPENAI_CHAT : optionNames[type]
  // The SDK adds the budget for thinking to max_tokens: what is written as in Anthropic's protocol goes out as it is.
  const isProtocol = type === 'ANTHROPIC' && (name.includes('_') || JSON.stringify(value).includes('_'))
  return !isProtocol && options.includes(camelCase(name))
}

function placeInBody(type: ProviderType, name: string, value: unknown, body: JsonRecord): void {
  if (type !== 'GOOGLE') {
    body[type === 'ANTHROPIC' ? name : snakeCase(name)] = value
    return
  }
  const key = camelCase(name)
  const config = isRecord(body.generationConfig) ? body.generationConfig : {}
  if (key === 'generationConfig' && isRecord(value)) body.generationConfig = { ...config, ...value }
  else if (googleTopLevel.has(key)) body[key] = value
  else body.generationConfig = { ...config, [key]: value }
}

const settingNames: Record<string, keyof CallSettings> = Object.assign(Object.create(null), {
  temperature: 'temperature',
  top_p: 'topP',
  topP: 'topP',
  top_k: 'topK',
  topK: 'topK',
  max_tokens: 'maxOutputTokens',
  maxTokens: 'maxOutputTokens',
  max_completion_tokens: 'maxOutputTokens',
  maxCompletionTokens: 'maxOutputTokens',
  max_output_tokens: 'maxOutputTokens',
  maxOutputTokens: 'maxOutputTokens',
  stop: 'stopSequences',
  stop_sequences: 'stopSequences',
  stopSequences: 'stopSequences',
  seed: 'seed',
  presence_penalty: 'presencePenalty',
  presencePenalty: 'presencePenalty',
  frequency_penalty: 'frequencyPenalty',
  frequencyPenalty: 'frequencyPenalty',
})

/** Compatible servers take what OpenAI doesn't, and the SDK would leave `top_k` out and rename the other. */
const writtenAsIs = new Set(['top_k', 'topK', 'max_completion_tokens', 'maxCompletionTokens'])

/** Without these, or with others, the stream could not be read as one answer of the model that was asked. */
const reservedNames = new Set(
  'model messages input contents stream stream_options tools n candidateCount candidate_count __proto__'.split(' '),
)

/**
 * Provider options as @ai-sdk/openai 3.0, anthropic 3.0, google 3.0 and openai-compatible 2.0 name them: of OpenAI's
 * only those which the SDK acts on, for the others are the same in the body.
 */
const optionNames: Record<ProviderType | 'OPENAI_CHAT', string[]> = {
  OPENAI: (
    'conversation include logprobs previousResponseId reasoningEffort reasoningMode reasoningContext ' +
    'reasoningSummary store strictJsonSchema textVerbosity systemMessageMode forceReasoning allowedTools'
  ).split(' '),
  OPENAI_CHAT: 'logprobs reasoningEffort strictJsonSchema textVerbosity systemMessageMode forceReasoning'.split(' '),
  ANTHROPIC: (
    'sendReasoning structuredOutputMode thinking disableParallelToolUse cacheControl metadata mcpServers container ' +
    'toolStreaming effort taskBudget speed inferenceGeo fallbacks anthropicBeta contextManagement'
  ).split(' '),
  GOOGLE: (
    'responseModalities thinkingConfig cachedContent structuredOutputs safetySettings threshold audioTimestamp ' +
    'mediaResolution imageConfig retrievalConfig'
  ).split(' '),
  OPENAI_COMPATIBLE: ['user', 'reasoningEffort', 'textVerbosity', 'strictJsonSchema'],
}

const googleTopLevel = new Set('generationConfig systemInstruction toolConfig store labels serviceTier'.split(' '))

function settingValue(setting: keyof CallSettings, value: unknown): unknown {
  return setting === 'stopSequences' && !Array.isArray(value) ? [value] : value
}

function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

function camelCaseKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelCaseKeys)
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [camelCase(key), camelCaseKeys(inner)]))
}
