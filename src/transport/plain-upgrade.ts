import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { requestIdOf } from './request-id.ts'
import { turnAway } from './turn-away.ts'

type OnUpgrade = (request: IncomingMessage, stream: Duplex, head: Buffer) => void

/**
 * Java's HttpClient and `curl --http2` offer `Upgrade: h2c` with an ordinary request, and a server is free to ignore
 * it. Node isn't: as soon as somebody listens for upgrades, it parts with every connection that offers any. From 24.9 on
 * it can be told which to keep (and later ones take the body off the stream, so they have to be). Before, the connection
 * is given back as if it were new, with the same request less the offer.
 */
export function ignorePlainUpgrades(server: Server, onWebSocket: OnUpgrade): void {
  const latest = new WeakMap<Duplex, ServerResponse>()
  if ('shouldUpgradeCallback' in server) server.shouldUpgradeCallback = wantsWebSocket
  else server.on('request', (request, response) => latest.set(request.socket, response))

  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    if (wantsWebSocket(request)) return onWebSocket(request, stream, head)
    const destroy = () => stream.destroy()
    stream.on('error', destroy)
    if (request.rawHeaders.length >= keptHeaders)
      return turnAway(stream, { ...tooMany, requestId: requestIdOf(request) })
    const giveBack = () => {
      stream.off('error', destroy)
      if (!stream.writable) return void stream.destroy()
      stream.unshift(Buffer.concat([headerWithoutUpgrade(request), head]))
      server.emit('connection', stream)
    }
    // Pipelined: a new connection would not know that its answer has to wait for the ones before.
    const before = latest.get(stream)
    if (!before || before.closed) return giveBack()
    // Meanwhile the server doesn't know the connection, and could not close it when it ends.
    const timer = setTimeout(destroy, waitMs)
    before.once('close', () => {
      clearTimeout(timer)
      giveBack()
    })
  })
}

/** For the answers to requests sent before; no client that is known sends any. */
const waitMs = 5_000

/** Names and values: Node drops the headers beyond, and one that is dropped could have told where the body ends. */
const keptHeaders = 2_000
const tooMany = { status: 431, code: 'PAYLOAD_TOO_LARGE', message: 'There are too many headers.' } as const

function wantsWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket'
}

const offer = new Set(['upgrade', 'http2-settings'])

function headerWithoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = rawHeaders.slice(i, i + 2)
    const kept = name.toLowerCase() === 'connection' ? withoutOffer(value) : value
    if (!offer.has(name.toLowerCase())) lines.push(`${name}: ${kept}`)
  }
  // What Node has read byte by byte.
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

function withoutOffer(connection: string): string {
  const tokens = connection.split(',').map((token) => token.trim())
  return tokens.filter((token) => !offer.has(token.toLowerCase())).join(', ')
}
