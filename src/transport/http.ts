import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { DomainError, UnavailableError } from '../errors.ts'
import { formatFailure, httpStatusOf } from '../graphql/errors.ts'
import { isDatabaseOutage } from '../infra/database-errors.ts'
import type { Logger } from '../infra/logger.ts'
import type { Metrics } from '../infra/metrics.ts'

/** Answers one request, or throws: what is thrown is answered here. */
export type Route = (request: IncomingMessage, response: ServerResponse, requestId: string) => Promise<void>

interface Options {
  routes: Record<string, Route>
  logger: Logger
  metrics: Metrics
}

/** A request has this long to arrive; its answer may stream for ever. */
const arriveMs = 60_000
/** How long what a refused client still sends is read and thrown away, so that it gets to see the refusal. */
const lingerMs = 2_000

export function createHttpServer({ routes, logger, metrics }: Options): Server {
  const server = createServer({ requestTimeout: arriveMs, headersTimeout: 20_000, keepAliveTimeout: 65_000 })
  server.on('request', async (request, response) => {
    const requestId = requestIdOf(request)
    response.setHeader('x-request-id', requestId)
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
    measure(response, path in routes ? path : 'other', metrics)
    try {
      const route = routes[path]
      if (route) await route(request, response, requestId)
      else
        sendJson(
          response,
          404,
          formatFailure(new DomainError('NOT_FOUND', `There is nothing at ${path}; GraphQL is at /graphql.`)),
        )
    } catch (error) {
      refuse({ request, response, requestId, error, logger, metrics })
    }
  })
  return server
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
  response.end(JSON.stringify(body))
}

/** The client's own id, where it sent one that is fit to be logged. */
function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && /^[\w.:-]{1,100}$/.test(given) ? given : randomUUID()
}

function measure(response: ServerResponse, route: string, metrics: Metrics): void {
  const stop = metrics.httpSeconds.startTimer({ route })
  response.once('close', () => {
    metrics.httpRequests.inc({ route, status: response.statusCode })
    if (!String(response.getHeader('content-type')).startsWith('text/event-stream')) stop()
  })
}

interface Refusal {
  request: IncomingMessage
  response: ServerResponse
  requestId: string
  error: unknown
  logger: Logger
  metrics: Metrics
}

function refuse({ request, response, requestId, error, logger, metrics }: Refusal): void {
  const failure = asFailure(error, requestId)
  metrics.errors.inc({ code: failure.code })
  if (failure.code === 'INTERNAL') logger.error({ requestId, err: error }, 'a request met a bug')
  else logger.debug({ requestId, code: failure.code }, failure.message)
  if (response.headersSent) return void response.destroy()
  const { retryAfterSeconds } = failure.details
  if (retryAfterSeconds !== undefined) response.setHeader('retry-after', retryAfterSeconds)
  response.setHeader('access-control-allow-origin', '*')
  if (!request.complete) linger(request, response)
  sendJson(response, httpStatusOf(failure.code), formatFailure(failure))
}

function asFailure(error: unknown, requestId: string): DomainError {
  if (error instanceof DomainError) return error
  if (isDatabaseOutage(error)) return new UnavailableError('The database does not answer. Try again soon.', error)
  return new DomainError(
    'INTERNAL',
    `Something went wrong on our side. It was logged with the request id ${requestId}.`,
  )
}

function linger(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('connection', 'close')
  request.resume()
  const timer = setTimeout(() => request.destroy(), lingerMs)
  request.once('close', () => clearTimeout(timer))
}
