import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { DomainError, type ErrorCode } from '../errors.ts'
import { type ErrorPresenter, httpStatusOf } from '../graphql/errors.ts'
import type { Metrics } from '../infra/metrics.ts'
import { requestIdOf } from './request-id.ts'
import { turnAway } from './turn-away.ts'

/** Answers one request, or throws: what is thrown is answered here. */
export type Route = (request: IncomingMessage, response: ServerResponse, requestId: string) => Promise<void>

interface Options {
  routes: Record<string, Route>
  presenter: ErrorPresenter
  metrics: Metrics
}

/** A request has this long to arrive; its answer may stream for ever. */
const arriveMs = 60_000
/** How long what a refused client still sends is read and thrown away, so that it gets to see the refusal. */
const lingerMs = 2_000

export function createHttpServer({ routes, presenter, metrics }: Options): Server {
  const server = createServer({
    requestTimeout: arriveMs,
    headersTimeout: 20_000,
    keepAliveTimeout: 65_000,
    // Of a peer that is gone and was told nothing since, the kernel finds out.
    keepAlive: true,
    keepAliveInitialDelay: 15_000,
  })
  const answering = new WeakMap<Duplex, ServerResponse>()
  const open = new Set<Socket>()
  openAt.set(server, open)
  server.on('connection', (socket) => {
    // One that is given back after an upgrade that is none comes again.
    if (open.has(socket)) return
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  server.on('request', async (request, response) => {
    answering.set(request.socket, response)
    const requestId = requestIdOf(request)
    response.setHeader('x-request-id', requestId)
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
    measure(response, path in routes ? path : 'other', metrics)
    try {
      const route = routes[path]
      if (!route)
        throw new DomainError(
          'NOT_FOUND',
          `There is nothing at ${path}; GraphQL is at /graphql, and /ingest takes traces.`,
        )
      await route(request, response, requestId)
    } catch (error) {
      refuse({ request, response, requestId, error, presenter })
    }
  })
  server.on('clientError', (error: NodeJS.ErrnoException, stream) => {
    const response = answering.get(stream)
    const isAnswered = response?.headersSent && !response.writableFinished
    if (error.code === 'ECONNRESET' || isAnswered || !stream.writable) return void stream.destroy()
    turnAway(stream, { ...unreadable(error), requestId: randomUUID() })
  })
  return server
}

const openAt = new WeakMap<Server, Set<Socket>>()

/** Of those who are asked nothing any more: also of those who never asked, whom Node does not count among the idle. */
export function closeIdle(server: Server): void {
  server.closeIdleConnections()
  for (const socket of openAt.get(server) ?? []) if (socket.bytesRead === 0) socket.destroy()
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
  response.end(JSON.stringify(body))
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
  presenter: ErrorPresenter
}

/** What fails before GraphQL has begun fails as a whole: the status says what it was. */
function refuse({ request, response, requestId, error, presenter }: Refusal): void {
  const { code, message, extensions, retryAfterSeconds } = presenter.explain(error, requestId)
  if (response.headersSent) return void response.destroy()
  if (retryAfterSeconds !== undefined) response.setHeader('retry-after', retryAfterSeconds)
  response.setHeader('access-control-allow-origin', '*')
  response.setHeader('access-control-expose-headers', 'x-request-id, retry-after')
  if (isStillSending(request)) linger(request, response)
  sendJson(response, statusOfWhole(code), { errors: [{ message, extensions }] })
}

/** GraphQL answers 200 to what only a field refuses; here nothing was done, and a client must not take it for done. */
function statusOfWhole(code: ErrorCode): number {
  if (code === 'NOT_FOUND') return 404
  if (code === 'FORBIDDEN') return 403
  return Math.max(400, httpStatusOf(code))
}

function isStillSending({ complete, headers }: IncomingMessage): boolean {
  return !complete && (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0)
}

function linger(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('connection', 'close')
  if (request.destroyed) return
  request.resume()
  const timer = setTimeout(() => request.destroy(), lingerMs)
  request.once('close', () => clearTimeout(timer))
}

function unreadable({ code }: NodeJS.ErrnoException): { status: number; code: ErrorCode; message: string } {
  if (code === 'HPE_HEADER_OVERFLOW')
    return { status: 431, code: 'PAYLOAD_TOO_LARGE', message: 'The headers may have 16 KB; send a long query by POST.' }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return { status: 408, code: 'INVALID_INPUT', message: `A request has ${arriveMs / 1_000} seconds to arrive.` }
  return { status: 400, code: 'INVALID_INPUT', message: 'This is no HTTP that can be read.' }
}
