import type { IncomingMessage, Server } from 'node:http'
import { makeServer } from 'graphql-ws'
import { WebSocketServer } from 'ws'
import type { Limits } from '../config.ts'
import type { ErrorPresenter } from '../graphql/errors.ts'
import type { GraphQLServer } from '../graphql/yoga.ts'
import type { Logger } from '../infra/logger.ts'
import type { Metrics } from '../infra/metrics.ts'
import type { Admission } from './admission.ts'
import { createHeartbeat, type HeartbeatOptions } from './heartbeat.ts'
import { ignorePlainUpgrades } from './plain-upgrade.ts'
import { requestIdOf } from './request-id.ts'
import { turnAway } from './turn-away.ts'
import { createOperations } from './websocket-operations.ts'
import { connectSocket } from './websocket-socket.ts'

interface Options extends HeartbeatOptions {
  server: Server
  graphql: GraphQLServer
  admission: Admission
  presenter: ErrorPresenter
  limits: Pick<Limits, 'bodyBytes' | 'subscriptionsPerConnection'>
  logger: Logger
  metrics: Pick<Metrics, 'openSockets'>
  /** How long a client may take to say who it is. */
  initMs?: number
}

export interface WebSocketTransport {
  /** Asks every client to come back later, and refuses new ones. */
  close(): void
}

/** RFC 6455: the service restarts; come back. */
const serviceRestart = 1012

/** GraphQL over WebSocket at the address of HTTP (protocol graphql-transport-ws). */
export function attachWebSocket({
  server,
  graphql,
  admission,
  presenter,
  limits,
  logger,
  metrics,
  initMs = 5_000,
  heartbeatMs,
  silentMs,
}: Options): WebSocketTransport {
  const maxSubscriptions = limits.subscriptionsPerConnection
  const operations = createOperations({ graphql, admission, presenter, maxSubscriptions })
  const protocol = makeServer({ connectionInitWaitTimeout: initMs, ...operations })
  // Compression would cost 100 µs and hundreds of KB a message and client; frames here are small.
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.bodyBytes,
    perMessageDeflate: false,
    handleProtocols: () => 'graphql-transport-ws',
  })
  const heartbeat = createHeartbeat({ heartbeatMs, silentMs })
  let isClosing = false
  sockets.on('headers', (headers, request) => headers.push(`x-request-id: ${requestIdOf(request)}`))
  sockets.on('wsClientError', (error, stream, request) => {
    turnAway(stream, { status: 400, code: 'INVALID_INPUT', message: error.message, requestId: requestIdOf(request) })
  })

  ignorePlainUpgrades(server, (request, stream, head) => {
    stream.on('error', (error) => logger.debug({ err: error }, 'a connection broke while it was upgraded'))
    const refusal = isClosing ? restarting : refusalOf(request)
    if (refusal) return turnAway(stream, { ...refusal, requestId: requestIdOf(request) })
    sockets.handleUpgrade(request, stream, head, (socket) =>
      connectSocket({ socket, request, stream, protocol, heartbeat, logger, metrics }),
    )
  })

  return {
    close() {
      isClosing = true
      for (const socket of sockets.clients) socket.close(serviceRestart, 'The server restarts')
      // Who doesn't answer the close within a moment is gone or not listening.
      setTimeout(() => {
        for (const socket of sockets.clients) socket.terminate()
      }, 500).unref()
    },
  }
}

const restarting = { status: 503, code: 'UNAVAILABLE', message: 'The server restarts: connect again.' } as const

function refusalOf(request: IncomingMessage) {
  const path = request.url?.split('?', 1)[0]
  const protocols = request.headers['sec-websocket-protocol']?.split(',').map((name) => name.trim())
  if (path !== '/graphql')
    return { status: 404, code: 'NOT_FOUND', message: 'There is no WebSocket here; GraphQL is at /graphql.' } as const
  if (!protocols?.includes('graphql-transport-ws'))
    return { status: 400, code: 'INVALID_INPUT', message: 'Ask for the subprotocol graphql-transport-ws.' } as const
  return null
}
