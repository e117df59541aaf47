import { WebSocket } from 'ws'
import type { GraphQLErrorAnswer } from './graphql-client.ts'

interface Frame {
  type: string
  id?: string
  // biome-ignore lint/suspicious/noExplicitAny: whatever came.
  payload?: any
}

/** A WebSocket that sends what it is told to, allowed or not, and records everything that comes. */
export interface RawSocket {
  socket: WebSocket
  frames: Frame[]
  closed: { code: number; reason: string } | null
  /** Text is sent as it is, anything else as JSON; before the socket is open it waits. */
  send(frame: unknown): void
  /** The errors of one operation, whichever way they came. */
  errorsOf(id: string): GraphQLErrorAnswer[]
}

interface Options {
  url: string
  protocols?: string[]
  headers?: Record<string, string>
}

export function openRawSocket({ url, protocols = ['graphql-transport-ws'], headers = {} }: Options): RawSocket {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, protocols, { headers })
  const waiting: (string | Buffer)[] = []
  const raw: RawSocket = {
    socket,
    frames: [],
    closed: null,
    send(frame) {
      const bytes = typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame)
      if (socket.readyState === socket.OPEN) socket.send(bytes)
      else waiting.push(bytes)
    },
    errorsOf: (id) =>
      raw.frames
        .filter((frame) => frame.id === id)
        .flatMap(({ type, payload }) => (type === 'error' ? payload : (payload?.errors ?? []))),
  }
  socket.on('open', () => {
    for (const bytes of waiting) socket.send(bytes)
  })
  socket.on('message', (bytes) => raw.frames.push(JSON.parse(String(bytes))))
  socket.on('error', () => {})
  socket.on('close', (code, reason) => {
    raw.closed = { code, reason: String(reason) }
  })
  return raw
}

export function initWith(key: string | null) {
  return { type: 'connection_init', payload: key === null ? {} : { authorization: `Bearer ${key}` } }
}

export function operation(id: string, query: string, variables?: object) {
  return { type: 'subscribe', id, payload: { query, ...(variables && { variables }) } }
}
