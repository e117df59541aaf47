import type { IncomingMessage } from 'node:http'
import type { ExecutionResult } from 'graphql'
import type { Server } from 'graphql-ws'
import type { WebSocket } from 'ws'
import type { Logger } from '../infra/logger.ts'
import type { Metrics } from '../infra/metrics.ts'
import { createPayloadPlace, type PayloadPlace } from './websocket-payload.ts'

/** What the operations of a connection know of it. */
export interface Connection {
  socket: WebSocket
  request: IncomingMessage
  places: Set<Place>
  payload: PayloadPlace
}

/** Of a subscription that is open, or being opened: then it has no stream yet. */
export interface Place {
  stream?: AsyncIterableIterator<ExecutionResult>
}

interface Options extends Pick<Connection, 'socket' | 'request'> {
  protocol: Server<Connection>
  logger: Logger
  metrics: Pick<Metrics, 'openSockets'>
  heartbeatMs: number
}

/** Who doesn't take what it is sent is not listened to either: its pings and queries would be answered into memory. */
const maxUnsentBytes = 1_000_000

/** Between one socket and the protocol: frames in, frames out, and a heartbeat that finds who is gone. */
export function connectSocket({ socket, request, protocol, logger, metrics, heartbeatMs }: Options): void {
  metrics.openSockets.inc()
  const stopHeartbeat = startHeartbeat(socket, heartbeatMs)
  const payload = createPayloadPlace()
  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      send: (frame) => send(socket, payload.fill(frame)),
      close: (code, reason) => socket.close(code, reason),
      onMessage: (take) => {
        socket.on('message', (frame) => {
          take(String(frame)).catch((error) => {
            // A frame that could not be sent any more is no bug: the socket closes, or has closed.
            if (socket.readyState !== socket.OPEN) return
            logger.error({ err: error }, 'a WebSocket message met a bug')
            socket.close(4500, 'Internal server error')
          })
        })
      },
    },
    { socket, request, places: new Set(), payload },
  )
  // A frame beyond the limit, a broken line: ws closes the socket itself, with the code for it.
  socket.on('error', (error) => logger.debug({ err: error }, 'a WebSocket broke'))
  socket.once('close', (code, reason) => {
    metrics.openSockets.dec()
    stopHeartbeat()
    closed(code, String(reason)).catch((error) =>
      logger.error({ err: error }, 'a WebSocket could not be closed in order'),
    )
  })
}

/** Resolves when the frame is with the kernel, so that the next event is not taken before this one is on its way. */
function send(socket: WebSocket, frame: string): Promise<void> {
  if (socket.readyState !== socket.OPEN) return Promise.resolve()
  return new Promise((resolve, reject) => {
    socket.send(frame, (error) => {
      if (socket.isPaused && socket.bufferedAmount <= maxUnsentBytes) socket.resume()
      if (error) reject(error)
      else resolve()
    })
    if (socket.bufferedAmount > maxUnsentBytes) socket.pause()
  })
}

function startHeartbeat(socket: WebSocket, everyMs: number): () => void {
  let isAlive = true
  socket.on('pong', () => {
    isAlive = true
  })
  const timer = setInterval(() => {
    if (!isAlive) return socket.terminate()
    isAlive = false
    socket.ping()
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}
