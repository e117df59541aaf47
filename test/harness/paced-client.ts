import { request } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { WebSocket } from 'ws'
import { headersOf, textOf } from './graphql-client.ts'
import type { LiveOptions, LiveResult } from './live-client.ts'

/** A subscription on a socket of its own, which takes what comes at the pace that a test sets, or not at all. */
export interface PacedLive<Data> {
  results: LiveResult<Data>[]
  /** Whether the server completed it, or the socket has closed. */
  ended: 'completed' | 'closed' | null
  closeCode: number | null
  /** The `retry` of a stream of events: when the server wants its client back. */
  retryMs: number | null
  /** By it the server's end of the socket is found. */
  localPort(): number
  /** Takes nothing more from the socket until `resume`; what the kernel doesn't hold stays with the server. */
  pause(): void
  resume(): void
  /** From now on as fast as it can. */
  hurry(): void
  /** Is gone without a word of the protocol, whatever is on its way. */
  vanish(): void
}

export interface PacedOptions extends LiveOptions {
  /** Left out: as fast as it can. */
  bytesPerSecond?: number
}

export type OpenPaced = <Data, Given>(
  options: PacedOptions,
  document: TypedDocumentNode<Data, Given> | string,
  variables?: Given,
) => PacedLive<Data>

export const pacedTransports: { name: string; open: OpenPaced }[] = [
  { name: 'WebSocket', open: openPacedWebSocket },
  { name: 'SSE', open: openPacedSse },
]

interface Taps {
  pause(): void
  resume(): void
}

/** What both have in common: the socket, and the tap on what is read of it. */
function begin<Data>({ url, bytesPerSecond }: PacedOptions): { live: PacedLive<Data>; socket: Socket; taps: Taps } {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  let pace = bytesPerSecond
  const taps: Taps = { pause: () => {}, resume: () => {} }
  let isPaused = false
  const live: PacedLive<Data> = {
    results: [],
    ended: null,
    closeCode: null,
    retryMs: null,
    localPort: () => (socket.address() as AddressInfo).port,
    pause() {
      isPaused = true
      taps.pause()
    },
    resume() {
      isPaused = false
      taps.resume()
    },
    hurry() {
      pace = undefined
      if (!isPaused) taps.resume()
    },
    vanish: () => void socket.destroy(),
  }
  socket.on('error', () => {})
  socket.on('close', () => {
    live.ended ??= 'closed'
  })
  socket.on('data', ({ length }) => {
    if (!pace) return
    taps.pause()
    setTimeout(() => isPaused || taps.resume(), (1_000 * length) / pace)
  })
  return { live, socket, taps }
}

export function openPacedWebSocket<Data, Given>(
  options: PacedOptions,
  document: TypedDocumentNode<Data, Given> | string,
  variables?: Given,
): PacedLive<Data> {
  const { live, socket, taps } = begin<Data>(options)
  const { url, key } = options
  const webSocket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, ['graphql-transport-ws'], {
    createConnection: () => socket,
  })
  const send = (frame: object) => webSocket.send(JSON.stringify(frame))
  webSocket.on('open', () => {
    Object.assign(taps, { pause: () => webSocket.pause(), resume: () => webSocket.resume() })
    send({ type: 'connection_init', payload: key === null ? {} : { authorization: `Bearer ${key}` } })
  })
  webSocket.on('message', (bytes) => {
    const { type, payload } = JSON.parse(String(bytes))
    if (type === 'connection_ack') {
      send({ type: 'subscribe', id: '1', payload: { query: textOf(document), variables } })
    }
    if (type === 'next') live.results.push(payload)
    if (type === 'error') live.results.push({ errors: payload })
    if (type === 'complete' || type === 'error') live.ended ??= 'completed'
  })
  webSocket.on('error', () => {})
  webSocket.on('close', (code) => {
    live.closeCode = code
  })
  return live
}

function openPacedSse<Data, Given>(
  options: PacedOptions,
  document: TypedDocumentNode<Data, Given> | string,
  variables?: Given,
): PacedLive<Data> {
  const { live, socket, taps } = begin<Data>(options)
  const asked = request(`${options.url}/graphql`, {
    method: 'POST',
    headers: { ...headersOf(options.key), accept: 'text/event-stream' },
    createConnection: () => socket,
  })
  asked.on('error', () => {})
  asked.on('response', (response) => {
    Object.assign(taps, { pause: () => response.pause(), resume: () => response.resume() })
    let held = ''
    response.setEncoding('utf8')
    response.on('error', () => {})
    response.on('data', (text: string) => {
      const blocks = `${held}${text}`.split('\n\n')
      held = blocks.pop() ?? ''
      for (const block of blocks) readBlock(block, live)
    })
  })
  asked.end(JSON.stringify({ query: textOf(document), variables }))
  return live
}

function readBlock<Data>(block: string, live: PacedLive<Data>): void {
  const fields = new Map(block.split('\n').map((line) => [line.split(':', 1)[0], line.replace(/^\w*: ?/, '')]))
  if (fields.has('retry')) live.retryMs = Number(fields.get('retry'))
  if (fields.get('event') === 'next') live.results.push(JSON.parse(fields.get('data') ?? ''))
  if (fields.get('event') === 'complete') live.ended ??= 'completed'
}
