import { isDeepStrictEqual } from 'node:util'
import type { LanguageModelUsage, TextStreamPart, ToolSet } from 'ai'
import { isRecord, type JsonRecord, parseJson } from '../json-record.ts'
import { type ModelAnswer, ModelCallError, type TokenCounts, type ToolCall } from './model-call.ts'

type Part = TextStreamPart<ToolSet>
type FinishPart = Extract<Part, { type: 'finish-step' }>

export interface AnswerCollector {
  take(part: Part): void
  /** What there is so far; of a stream that broke, the last call of a tool may be half. */
  partial(): Partial<ModelAnswer>
  /** Throws where the stream ended without an answer. */
  finish(): Omit<ModelAnswer, 'output'>
}

/** Makes an answer of the parts of the SDK's stream; an error among them is thrown as it came. */
export function createAnswerCollector(
  onText: (delta: string) => void,
  msSinceSent: () => number | null,
): AnswerCollector {
  let text = ''
  let timeToFirstTokenMs: number | null = null
  const inputs = new Map<string, string>()
  const toolCalls: ToolCall[] = []
  const warnings: string[] = []
  let finished: FinishPart | null = null

  const firstToken = () => {
    timeToFirstTokenMs ??= msSinceSent()
  }
  const soFar = () => ({
    text,
    toolCalls: toolCalls.length > 0 ? toolCalls : null,
    timeToFirstTokenMs,
    warnings: [...warnings, ...endingWarnings(finished)],
    ...(finished && { finishReason: reasonOf(finished), ...countTokens(finished.usage) }),
  })

  return {
    take(part) {
      if (part.type === 'error') throw part.error
      if (part.type === 'start-step') warnings.push(...part.warnings.map(warningText))
      else if (part.type === 'reasoning-delta' || part.type === 'tool-input-start') firstToken()
      else if (part.type === 'tool-input-delta') inputs.set(part.id, (inputs.get(part.id) ?? '') + part.delta)
      else if (part.type === 'finish-step') finished = part
      else if (part.type === 'tool-call' && !part.providerExecuted) {
        firstToken()
        const args = rawArguments(inputs.get(part.toolCallId), part.input)
        toolCalls.push({ id: part.toolCallId, type: 'function', function: { name: part.toolName, arguments: args } })
      } else if (part.type === 'text-delta' && part.text !== '') {
        firstToken()
        text += part.text
        onText(part.text)
      }
    },
    partial: soFar,
    finish() {
      checkFinish(finished)
      return { ...soFar(), finishReason: reasonOf(finished), ...countTokens(finished.usage) }
    },
  }
}

function checkFinish(finished: FinishPart | null): asserts finished is FinishPart {
  const blocked = blockReason(finished)
  if (finished?.finishReason === 'content-filter' || blocked !== null) {
    const reason = blocked ?? finished?.rawFinishReason ?? 'no reason given'
    throw new ModelCallError('CONTENT_FILTERED', `The provider's content filter ended the answer: ${reason}.`)
  }
  // The SDK makes an ending of its own where the stream has none: it has no reason of the provider.
  const isMadeUp =
    finished?.rawFinishReason === undefined && ['other', 'error'].includes(finished?.finishReason ?? 'other')
  if (finished === null || isMadeUp) {
    throw new ModelCallError('STREAM_BROKEN', 'The stream ended before the answer did.')
  }
  if (finished.finishReason === 'error') {
    throw new ModelCallError('PROVIDER_ERROR', `The provider ended the answer: ${finished.rawFinishReason}.`)
  }
}

/** Names of limits and of failures that the SDK calls "other"; what else it calls so may well be a whole answer. */
const limitReasons = new Set(['max_tokens', 'model_length'])
const failureReasons = new Set(['OTHER', 'LANGUAGE', 'MALFORMED_RESPONSE', 'error', 'abort'])

function reasonOf({ finishReason, rawFinishReason = '' }: FinishPart): string {
  return finishReason === 'other' && limitReasons.has(rawFinishReason) ? 'length' : finishReason
}

function endingWarnings(finished: FinishPart | null): string[] {
  if (finished === null) return []
  const reason = reasonOf(finished)
  const { rawFinishReason: raw = '' } = finished
  if (reason === 'length') return ['The answer was cut: the model reached its limit of tokens.']
  const isFailure = reason === 'other' && failureReasons.has(raw)
  return isFailure ? [`The answer may not be whole: the provider ended it with "${raw}".`] : []
}

/** Gemini answers a prompt that it refuses with no candidate at all. */
function blockReason(finished: FinishPart | null): string | null {
  const google = finished?.providerMetadata?.google
  const feedback = isRecord(google) && isRecord(google.promptFeedback) ? google.promptFeedback : null
  return typeof feedback?.blockReason === 'string' ? feedback.blockReason : null
}

/** As the model wrote them, unless the provider corrected them in the end. */
function rawArguments(streamed: string | undefined, input: unknown): string {
  if (typeof input === 'string') return input
  if (streamed !== undefined && isDeepStrictEqual(parseJson(streamed), input)) return streamed
  return JSON.stringify(input ?? {})
}

/** The SDK says 0 where a provider says nothing of cached or reasoning tokens; its raw usage tells them apart. */
function countTokens(usage: LanguageModelUsage): TokenCounts {
  const raw: JsonRecord = usage.raw ?? {}
  const says = (name: string) =>
    Object.values({ raw, ...raw }).some((part) => isRecord(part) && typeof part[name] === 'number')
  const count = (value: number | undefined, ...names: string[]) => (names.some(says) ? countOf(value) : null)
  return {
    inputTokens: countOf(usage.inputTokens),
    outputTokens: countOf(usage.outputTokens),
    totalTokens: countOf(usage.totalTokens),
    cachedInputTokens: count(
      usage.inputTokenDetails.cacheReadTokens,
      'cached_tokens',
      'cache_read_input_tokens',
      'cachedContentTokenCount',
    ),
    reasoningTokens: count(
      usage.outputTokenDetails.reasoningTokens,
      'reasoning_tokens',
      'thinking_tokens',
      'thoughtsTokenCount',
    ),
  }
}

/** Half a token, or more than a 32-bit integer holds, is no count. */
function countOf(value: number | undefined): number | null {
  return value !== undefined && Number.isInteger(value) && value >= 0 && value < 2 ** 31 ? value : null
}

type Warning = Extract<Part, { type: 'start-step' }>['warnings'][number]

function warningText(warning: Warning): string {
  if (warning.type === 'other') return warning.message
  const verb = warning.type === 'unsupported' ? 'is not supported by this model and was left out' : 'was adapted'
  return `"${warning.feature}" ${verb}.${warning.details === undefined ? '' : ` ${warning.details}`}`
}
