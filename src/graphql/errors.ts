import { GraphQLError } from 'graphql'
import { DomainError, type ErrorCode, InvalidInputError, LimitError, UnavailableError } from '../errors.ts'
import { isDatabaseOutage, isStatementTimeout } from '../infra/database-errors.ts'
import type { Logger } from '../infra/logger.ts'
import { refusedField } from './errors-field.ts'

/**
 * The one boundary at which failures become what a client sees, whichever transport or phase they come from. Expected
 * ones keep their words and get their code; outages become UNAVAILABLE; GraphQL's own refusals of a document or its
 * variables become INVALID_INPUT; all else is a bug: masked, and logged once with the id that the client was given.
 */
export interface ErrorPresenter {
  /** What has failed where there is no GraphQL error: before GraphQL has begun. */
  explain(error: unknown, requestId: string): Failure
  present(error: GraphQLError, requestId: string): GraphQLError
}

export interface Failure {
  code: ErrorCode
  message: string
  extensions: Record<string, unknown>
  retryAfterSeconds: number | undefined
}

interface Options {
  logger: Logger
  onError: (code: ErrorCode) => void
  operationMs: number
}

/** A client's own words come back to it in messages, but not by the megabyte. */
const maxMessageLength = 1_000

export function createErrorPresenter({ logger, onError, operationMs }: Options): ErrorPresenter {
  function explain(error: unknown, requestId: string): Failure {
    const expected = expect(error, operationMs)
    const path = error instanceof GraphQLError ? error.path : undefined
    const code = expected?.code ?? 'INTERNAL'
    onError(code)
    if (expected === null) logger.error({ requestId, err: rootOf(error), path }, 'a request met a bug')
    else if (code === 'UNAVAILABLE') logger.warn({ requestId, err: expected.cause }, expected.message)
    else logger.debug({ requestId, code, path }, cut(expected.message))
    return expected ? coded(expected) : masked(requestId)
  }

  return {
    explain,
    present(error, requestId) {
      const failure = explain(error, requestId)
      const { nodes = null, source = null, positions = null, path = null } = error
      const extensions = { ...failure.extensions, http: httpOf(error, failure) }
      return new GraphQLError(failure.message, { nodes, source, positions, path, extensions })
    },
  }
}

/** HTTP can say it too, but only where there is nothing else to say: beside data, the status stays 200. */
const statuses: Partial<Record<ErrorCode, number>> = {
  UNAUTHENTICATED: 401,
  RATE_LIMITED: 429,
  QUOTA_EXCEEDED: 429,
  PAYLOAD_TOO_LARGE: 413,
  QUERY_TOO_COMPLEX: 400,
  OPERATION_TIMEOUT: 504,
  UNAVAILABLE: 503,
  INTERNAL: 500,
}

export function httpStatusOf(code: ErrorCode): number {
  return statuses[code] ?? (code === 'INVALID_INPUT' ? 400 : 200)
}

export function timeLimitError(operationMs: number): LimitError {
  return new LimitError('OPERATION_TIMEOUT', `The operation took longer than ${operationMs} ms.`, {
    limit: 'TRACEMEND_MAX_OPERATION_MS',
    max: operationMs,
    hint: 'Ask for less at once. A mutation may have happened all the same.',
  })
}

/** What the client may know of it; null for a bug. */
function expect(error: unknown, operationMs: number): DomainError | null {
  const root = rootOf(error)
  if (root instanceof DomainError) return root
  if (isStatementTimeout(root)) return timeLimitError(operationMs)
  if (isDatabaseOutage(root)) return new UnavailableError('The database does not answer. Try again soon.', root)
  if (root instanceof RangeError && root.message.startsWith('Maximum call stack')) return tooDeep
  return error instanceof GraphQLError && root instanceof GraphQLError ? refusedByGraphQL(error) : null
}

/**
 * GraphQL refuses documents and variables. Where it fails at a field for anything but an argument, our own value was
 * wrong.
 */
function refusedByGraphQL(error: GraphQLError): DomainError | null {
  const { message, path } = error
  if (path && !message.startsWith('Argument "')) return null
  if (message.startsWith('Validation aborted')) return tooManyErrors
  const field = refusedField(error)
  return new DomainError('INVALID_INPUT', message, field === undefined ? {} : { field: cut(field) })
}

/** graphql-js gives up; the document repeats itself, or is wrong all over. */
const tooManyErrors = new LimitError('QUERY_TOO_COMPLEX', 'The document is too repetitive, or has too many errors.', {
  limit: 'validation',
})

/**
 * Documents and stored JSON are bounded before anybody recurses into them. What is left are variables: to measure every
 * one beforehand would cost each batch of ingest a twentieth.
 */
const tooDeep = new InvalidInputError('variables', 'The variables are nested too deeply to be read.')

function rootOf(error: unknown): unknown {
  let root = error
  while (root instanceof GraphQLError && root.originalError) root = root.originalError
  return root
}

function coded({ code, message, details }: DomainError): Failure {
  const { retryAfterSeconds } = details
  return { code, message: cut(message), extensions: { code, ...details }, retryAfterSeconds }
}

function masked(requestId: string): Failure {
  const message = `Something went wrong on our side. It was logged with the request id ${requestId}.`
  return { code: 'INTERNAL', message, extensions: { code: 'INTERNAL', requestId }, retryAfterSeconds: undefined }
}

/** How Yoga is told of status and headers; it leaves this out of what it sends. */
function httpOf({ extensions }: GraphQLError, { code, retryAfterSeconds }: Failure): Record<string, unknown> {
  const given = (extensions.http ?? {}) as { status?: number; headers?: Record<string, string> }
  const retryAfter = retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }
  return { spec: false, status: statuses[code] ?? given.status ?? 200, headers: { ...given.headers, ...retryAfter } }
}

/** What is wrong stands at the end, what it is about at the beginning. */
function cut(text: string): string {
  if (text.length <= maxMessageLength) return text
  return `${text.slice(0, maxMessageLength / 2)} … ${text.slice(-maxMessageLength / 2)}`
}
