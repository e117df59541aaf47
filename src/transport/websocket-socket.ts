import type { IncomingMessage } from 'node:http'
import type { Server } from 'graphql-ws'
import type { WebSocket } from 'ws'
import type { Logger } from '../infra/logger.ts'
import type { Metrics } from '../infra/metrics.ts'

/** What the operations of a connection know of it. */
export interface Connection {
  socket: WebSocket
  request: IncomingMessage
}

interface Options extends Connection {
  protocol: Server<Connection>
  logger: Logger
  metrics: Pick<Metrics, 'openSockets'>
}

/** A dead peer is found at the second beat that it leaves unanswered: within 40 seconds. */
const heartbeatMs = 20_000

/** Between one socket and the protocol: frames in, frames out, and a heartbeat that finds who is gone. */
export function connectSocket({ socket, request, protocol, logger, metrics }: Options): void {
  metrics.openSockets.inc()
  const stopHeartbeat = startHeartbeat(socket)
  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      send: (frame) => send(socket, frame),
      close: (code, reason) => socket.close(code, reason),
      onMessage: (take) => {
        socket.on('message', (frame) => {
          take(String(frame)).catch((error) => {
            logger.error({ err: error }, 'a WebSocket message met a bug')
            socket.close(4500, 'Internal server error')
          })
        })
      },
    },
    { socket, request },
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
  return new Promise((resolve, reject) => socket.send(frame, (error) => (error ? reject(error) : resolve())))
}

function startHeartbeat(socket: WebSocket): () => void {
  let isAlive = true
  socket.on('pong', () => {
    isAlive = true
  })
  const timer = setInterval(() => {
    if (!isAlive) return socket.terminate()
    isAlive = false
    socket.ping()
  }, heartbeatMs)
  timer.unref()
  return () => clearInterval(timer)
}
