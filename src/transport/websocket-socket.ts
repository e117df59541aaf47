import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Server } from 'graphql-ws'
import type { WebSocket } from 'ws'
import type { Logger } from '../infra/logger.ts'
import type { Metrics } from '../infra/metrics.ts'
import type { Heartbeat } from './heartbeat.ts'
import { corkForThisTurn, writeTo } from './outgoing.ts'
import { textFrame } from './websocket-frame.ts'

/** What the operations of a connection know of it. */
export interface Connection {
  socket: WebSocket
  request: IncomingMessage
  places: Set<Place>
  send: Send
}

/** Says with a promise when the next frame may come, and with nothing that it may at once. */
export type Send = (frame: Buffer) => Promise<void> | undefined

/** Of a subscription that is open, or being opened: then it has no stream yet. */
export interface Place {
  stream?: AsyncIterableIterator<never>
}

interface Options extends Pick<Connection, 'socket' | 'request'> {
  /** What the request was upgraded to, below the WebSocket. */
  stream: Duplex
  protocol: Server<Connection>
  heartbeat: Heartbeat
  logger: Logger
  metrics: Pick<Metrics, 'openSockets'>
}

/** Who doesn't take what it is sent is not listened to either: its pings and queries would be answered into memory. */
const maxUnsentBytes = 1_000_000

/** Between one socket and the protocol: frames in, frames out, and a heartbeat that finds who is gone. */
export function connectSocket({ socket, request, stream, protocol, heartbeat, logger, metrics }: Options): void {
  metrics.openSockets.inc()
  const stopHeartbeat = heartbeat.watch(socket, request.socket)
  const send = createSend(socket, stream)
  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      send: (frame) => send(textFrame(frame)),
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
    { socket, request, places: new Set(), send },
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

/** Past ws, which would write each frame in two parts; beside its own frames, which are written at once and whole. */
function createSend(socket: WebSocket, stream: Duplex): Send {
  function listenAgain(): void {
    if (socket.isPaused && stream.writableLength <= maxUnsentBytes) socket.resume()
  }

  return (frame) => {
    // Whoever sends is stopped when the socket has closed, which it is about to.
    if (socket.readyState !== socket.OPEN || stream.destroyed) return new Promise(() => {})
    corkForThisTurn(stream)
    const taken = writeTo(stream, frame)
    if (taken && stream.writableLength > maxUnsentBytes) {
      socket.pause()
      taken.then(listenAgain)
    }
    return taken
  }
}
