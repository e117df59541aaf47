/**
 * Every failure that a client may cause or should know of is a DomainError: it has a code that programs branch on,
 * a sentence that says what was required and what was got, and, where it helps, the offending field and a hint.
 * Anything else that is thrown is a bug: the client sees INTERNAL and a request id, the log sees the rest.
 */
export type ErrorCode =
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'INVALID_INPUT'
  | 'CONFLICT'
  | 'STALE_REVISION'
  | 'QUOTA_EXCEEDED'
  | 'RATE_LIMITED'
  | 'PAYLOAD_TOO_LARGE'
  | 'QUERY_TOO_COMPLEX'
  | 'OPERATION_TIMEOUT'
  | 'CURSOR_EXPIRED'
  | 'PROVIDER_NOT_CONFIGURED'
  | 'UNAVAILABLE'
  | 'INTERNAL'

export interface ErrorDetails {
  /** Dotted path of the offending input, as the client wrote it: `input.scopes[1]`. */
  field?: string
  hint?: string
  /** The name and value of the limit that was exceeded. */
  limit?: string
  max?: number
  retryAfterSeconds?: number
  /** What the revision is by now, where another one was expected. */
  currentRevision?: number
}

export class DomainError extends Error {
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = new.target.name
    this.code = code
    this.details = details
  }
}

/** No key, or one that is unknown, revoked or expired. */
export class UnauthenticatedError extends DomainError {
  constructor(message: string, hint = 'Send the header "Authorization: Bearer tm_<id>_<secret>".') {
    super('UNAUTHENTICATED', message, { hint })
  }
}

export class ForbiddenError extends DomainError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('FORBIDDEN', message, details)
  }
}

export class NotFoundError extends DomainError {
  constructor(what: string, id: string, field?: string) {
    super('NOT_FOUND', `No ${what} "${id}" was found.`, field === undefined ? {} : { field })
  }
}

export class InvalidInputError extends DomainError {
  constructor(field: string, message: string, hint?: string) {
    super('INVALID_INPUT', message, { field, ...(hint !== undefined && { hint }) })
  }
}

export class ConflictError extends DomainError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('CONFLICT', message, details)
  }
}

/** A request went over a limit: the message names the limit, its value and what came. */
export class LimitError extends DomainError {}

/** A dependency (database, queue, bus) does not answer; the request may be repeated. */
export class UnavailableError extends DomainError {
  constructor(message: string, cause?: unknown) {
    super('UNAVAILABLE', message, { retryAfterSeconds: 2 }, cause)
  }
}

/** The process can't start as it is configured; shown to the operator without a stack. */
export class StartError extends Error {
  override readonly name = 'StartError'
}
