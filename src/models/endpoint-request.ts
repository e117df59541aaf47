import { setTimeout as sleep } from 'node:timers/promises'
import { UnavailableError } from '../errors.ts'
import { EndpointAnswerError } from './endpoint-answer.ts'
import { type Fetch, ForbiddenAddressError } from './guarded-fetch.ts'
import { readRetryAfter } from './retry-after.ts'
import { withoutSecrets } from './secrets.ts'

export interface EndpointRequest {
  url: URL
  apiKey: string | null
  body: unknown
  /** For each attempt. */
  timeoutMs: number
  fetch: Fetch
  signal: AbortSignal
}

const maxAttempts = 4
const firstWaitMs = 500
/** Whoever is told to wait longer fails now: the job or the client will come again. */
const maxWaitMs = 20_000

/**
 * Sends it, again where that may help (429, 5xx, a connection that broke), and reads the answer. Fails with an
 * UnavailableError, unless the caller aborts: its message is fit for anybody, its cause has the server's words for the
 * log. The key is in neither.
 */
export async function requestEndpoint<Answer>(
  request: EndpointRequest,
  read: (body: string) => Answer,
): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await tryOnce(request, read)
    if ('answer' in outcome) return outcome.answer
    const { error, retryAfterSeconds } = outcome
    const waitMs = retryAfterSeconds === null ? backoffMs(attempt) : retryAfterSeconds * 1000
    if (!outcome.mayHelp || attempt === maxAttempts || waitMs > maxWaitMs) throw error
    await sleep(waitMs, undefined, { signal: request.signal }).catch(() => request.signal.throwIfAborted())
  }
}

/** About 0.5, 1 and 2 seconds, and not all callers at once. */
function backoffMs(attempt: number): number {
  return firstWaitMs * 2 ** (attempt - 1) * (0.75 + Math.random() / 2)
}

interface Failure {
  error: UnavailableError
  /** Whether to send it again. */
  mayHelp: boolean
  retryAfterSeconds: number | null
}

async function tryOnce<Answer>(
  request: EndpointRequest,
  read: (body: string) => Answer,
): Promise<{ answer: Answer } | Failure> {
  const limit = startLimit(request)
  try {
    const response = await request.fetch(request.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(request.apiKey !== null && { authorization: `Bearer ${request.apiKey}` }),
      },
      body: JSON.stringify(request.body),
      signal: limit.signal,
    })
    const body = await response.text()
    if (!response.ok) return refused(response, body, request)
    return { answer: read(body) }
  } catch (error) {
    request.signal.throwIfAborted()
    if (limit.signal.aborted) return failure(`did not answer within ${request.timeoutMs} ms.`, null, request)
    if (error instanceof EndpointAnswerError) {
      return failure(`gave an answer that can't be read: ${error.message}`, null, request)
    }
    const mayHelp = !(error instanceof ForbiddenAddressError)
    return { ...failure(mayHelp ? "can't be reached." : "can't be called.", error, request), mayHelp }
  } finally {
    limit.clear()
  }
}

function refused({ status, headers }: Response, body: string, request: EndpointRequest): Failure {
  return {
    ...failure(`answered ${status}.`, new Error(body), request),
    mayHelp: status === 429 || status >= 500,
    retryAfterSeconds: readRetryAfter(Object.fromEntries(headers), body),
  }
}

function failure(what: string, cause: unknown, { apiKey }: EndpointRequest): Failure {
  const words = cause instanceof Error ? new Error(withoutSecrets(cause.message, apiKey)) : undefined
  const error = new UnavailableError(`The endpoint that encodes texts ${what}`, words)
  return { error, mayHelp: false, retryAfterSeconds: null }
}

function startLimit({ signal, timeoutMs }: EndpointRequest) {
  const controller = new AbortController()
  const abort = () => controller.abort()
  const timer = setTimeout(abort, timeoutMs)
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  return {
    signal: controller.signal,
    clear() {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
    },
  }
}
