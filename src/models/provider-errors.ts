import { APICallError, JSONParseError, NoOutputGeneratedError } from 'ai'
import { isRecord, type JsonRecord } from '../json-record.ts'
import type { CallWatch } from './call-fetch.ts'
import { ForbiddenAddressError } from './guarded-fetch.ts'
import { ModelCallError, type ModelErrorCode } from './model-call.ts'
import { readRetryAfter } from './retry-after.ts'

/** Says what a failure of the wire, of the SDK or of the provider is; the words are as they came, secrets and all. */
export function toModelCallError(error: unknown, watch: CallWatch): ModelCallError {
  // Of a stream without an ending the watch may know more.
  if (error instanceof ModelCallError && !(error.code === 'STREAM_BROKEN' && watch.failure)) return error
  if (error instanceof ForbiddenAddressError) return new ModelCallError('FORBIDDEN_ADDRESS', error.message)
  if (watch.failure?.stage === 'connect') return fromConnection(watch.failure.error)
  if (APICallError.isInstance(error) && error.statusCode !== undefined) return fromStatus(error, error.statusCode)
  if (watch.failure?.stage === 'body') {
    return new ModelCallError('STREAM_BROKEN', `The stream broke off: ${messageOf(watch.failure.error)}.`)
  }
  // Neither sent nor refused by anyone but the SDK: an option of the wrong type, say, or a part that can't be sent.
  if (watch.sentAt === null) return new ModelCallError('BAD_REQUEST', messageOf(error))
  if (
    NoOutputGeneratedError.isInstance(error) ||
    JSONParseError.isInstance(error) ||
    /finish reason/.test(messageOf(error))
  ) {
    return new ModelCallError('STREAM_BROKEN', `The stream ended before the answer did: ${messageOf(error)}`)
  }
  return fromStream(error)
}

/** The words, and when to try again, where the provider said so and it may help. */
export function saidWhen(
  words: string,
  code: ModelErrorCode,
  { retryable, retryAfterSeconds }: Pick<ModelCallError, 'retryable' | 'retryAfterSeconds'>,
): string {
  const isBusy = code === 'RATE_LIMITED' || code === 'OVERLOADED'
  if (!isBusy || !retryable || retryAfterSeconds === null) return words
  const end = /[\p{L}\p{N}]$/u.test(words) ? '.' : ''
  return `${words}${end} Try again ${retryAfterSeconds === 0 ? 'now' : `in ${retryAfterSeconds} s`}.`
}

function fromConnection(error: unknown): ModelCallError {
  if (error instanceof ForbiddenAddressError) return new ModelCallError('FORBIDDEN_ADDRESS', error.message)
  return new ModelCallError('UNREACHABLE', `The provider can't be reached: ${messageOf(error)}.`)
}

function fromStatus(error: APICallError, statusCode: number): ModelCallError {
  const said = innerError(error.data)
  const words = said === null ? error.responseBody?.trim() || error.message : error.message
  const code = codeOf([said?.type, said?.code, said?.status], words) ?? codeOfStatus(statusCode, words)
  const isOutOfMoney = said?.code === 'insufficient_quota' || said?.type === 'insufficient_quota'
  return new ModelCallError(code, `The provider answered ${statusCode}: ${words}`, {
    statusCode,
    retryAfterSeconds: readRetryAfter(error.responseHeaders ?? {}, error.responseBody),
    ...(code === 'PROVIDER_ERROR' && { retryable: statusCode >= 500 || statusCode === 408 || statusCode === 409 }),
    ...(isOutOfMoney && { retryable: false }),
  })
}

/** An error that came as an event of the stream: an object of the provider, which may be wrapped. */
function fromStream(error: unknown): ModelCallError {
  const said = innerError(error) ?? (isRecord(error) ? error : {})
  const words = typeof said.message === 'string' ? said.message : messageOf(error)
  const code = codeOf([said.type, said.code, said.status], words) ?? 'PROVIDER_ERROR'
  return new ModelCallError(code, `The provider broke off: ${words}`, {
    ...(code === 'PROVIDER_ERROR' && { retryable: true }),
  })
}

function innerError(data: unknown): JsonRecord | null {
  if (!isRecord(data)) return null
  return isRecord(data.error) ? data.error : null
}

const codesByName: Record<string, ModelErrorCode> = Object.assign(Object.create(null), {
  authentication_error: 'UNAUTHORIZED',
  permission_error: 'UNAUTHORIZED',
  invalid_api_key: 'UNAUTHORIZED',
  model_not_found: 'UNKNOWN_MODEL',
  rate_limit_error: 'RATE_LIMITED',
  rate_limit_exceeded: 'RATE_LIMITED',
  insufficient_quota: 'RATE_LIMITED',
  overloaded_error: 'OVERLOADED',
  server_is_overloaded: 'OVERLOADED',
  slow_down: 'OVERLOADED',
  content_filter: 'CONTENT_FILTERED',
  content_policy_violation: 'CONTENT_FILTERED',
  moderation_blocked: 'CONTENT_FILTERED',
  invalid_request_error: 'BAD_REQUEST',
})

/** A code of the provider says more than the status: Google answers a wrong key with 400. */
function codeOf(names: unknown[], words: string): ModelErrorCode | null {
  const codes = names.map((name) => (typeof name === 'string' ? codesByName[name] : undefined))
  const precise = codes.find((code) => code !== undefined && code !== 'BAD_REQUEST')
  if (precise !== undefined) return precise
  const isRefused = codes.includes('BAD_REQUEST') || names.includes('INVALID_ARGUMENT')
  if (!isRefused) return null
  if (/API key not valid/i.test(words)) return 'UNAUTHORIZED'
  return /content[ _](filter|policy|management)/i.test(words) ? 'CONTENT_FILTERED' : null
}

function codeOfStatus(status: number, words: string): ModelErrorCode {
  if (status === 401 || status === 403) return 'UNAUTHORIZED'
  // Any other page that is missing is a wrong base URL.
  if (status === 404) return /model/i.test(words) ? 'UNKNOWN_MODEL' : 'PROVIDER_ERROR'
  if (status === 429) return 'RATE_LIMITED'
  if (status === 503 || status === 529) return 'OVERLOADED'
  return status === 400 || status === 413 || status === 422 ? 'BAD_REQUEST' : 'PROVIDER_ERROR'
}

function messageOf(error: unknown): string {
  if (typeof error === 'string') return error
  if (!isRecord(error)) return String(error)
  const parts = [error.message, error.code].filter((part) => typeof part === 'string' && part !== '')
  return String(parts[0] ?? 'no reason was given')
}
