import { type FormattedExecutionResult, GraphQLError, type GraphQLFormattedError } from 'graphql'
import { DomainError, type ErrorCode, LimitError, UnavailableError } from '../errors.ts'
import { isDatabaseOutage, isStatementTimeout } from '../infra/database-errors.ts'
import type { Logger } from '../infra/logger.ts'

/**
 * The one boundary at which failures become what a client sees. Expected ones keep their words and get their code;
 * outages become UNAVAILABLE; GraphQL's own refusals of a document or its variables become INVALID_INPUT; all else is
 * a bug: masked, and logged once with the id that the client was given.
 */
export interface ErrorPresenter {
  present(error: GraphQLError, requestId: string): GraphQLError
}

interface Options {
  logger: Logger
  onError: (code: ErrorCode) => void
}

export function createErrorPresenter({ logger, onError }: Options): ErrorPresenter {
  return {
    present(error, requestId) {
      const failure = explain(error)
      const code = failure?.code ?? 'INTERNAL'
      onError(code)
      if (failure === null) logger.error({ requestId, err: rootOf(error), path: error.path }, 'a request met a bug')
      else if (code === 'UNAVAILABLE') logger.warn({ requestId, err: failure.cause }, failure.message)
      else logger.debug({ requestId, code, path: error.path }, failure.message)
      return failure ? coded(error, failure) : masked(error, requestId)
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

/** For answers that are given before GraphQL has begun. */
export function formatFailure(failure: DomainError): FormattedExecutionResult {
  const error: GraphQLFormattedError = { message: failure.message, extensions: extensionsOf(failure) }
  return { errors: [error] }
}

/** What the client may know of it; null for a bug. */
function explain(error: GraphQLError): DomainError | null {
  const root = rootOf(error)
  if (root instanceof DomainError) return root
  if (isStatementTimeout(root)) return new LimitError('OPERATION_TIMEOUT', 'The database took too long over this.')
  if (isDatabaseOutage(root)) return new UnavailableError('The database does not answer. Try again soon.', root)
  return root instanceof GraphQLError ? refusedByGraphQL(error.message) : null
}

/** GraphQL says in words which variable it was: `Variable "$input" got invalid value 1 at "input.name"; …`. */
function refusedByGraphQL(message: string): DomainError {
  const field = / at "([^"]+)"; /.exec(message)?.[1] ?? /^Variable "\$([^"]+)"/.exec(message)?.[1]
  return new DomainError('INVALID_INPUT', message, field === undefined ? {} : { field })
}

function rootOf(error: GraphQLError): unknown {
  let root: unknown = error
  while (root instanceof GraphQLError && root.originalError) root = root.originalError
  return root
}

function coded(error: GraphQLError, failure: DomainError): GraphQLError {
  const { status } = (error.extensions.http ?? {}) as { status?: number }
  const retryAfter = failure.details.retryAfterSeconds
  const http = {
    spec: false,
    status: statuses[failure.code] ?? status ?? 200,
    ...(retryAfter !== undefined && { headers: { 'retry-after': String(retryAfter) } }),
  }
  return replace(error, failure.message, { ...extensionsOf(failure), http })
}

function masked(error: GraphQLError, requestId: string): GraphQLError {
  const message = `Something went wrong on our side. It was logged with the request id ${requestId}.`
  return replace(error, message, { code: 'INTERNAL', requestId, http: { spec: false, status: 500 } })
}

function replace(error: GraphQLError, message: string, extensions: Record<string, unknown>): GraphQLError {
  const { nodes = null, source = null, positions = null, path = null } = error
  return new GraphQLError(message, { nodes, source, positions, path, extensions })
}

function extensionsOf({ code, details }: DomainError): Record<string, unknown> {
  return { code, ...details }
}
