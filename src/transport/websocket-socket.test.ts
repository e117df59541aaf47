import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { buildSchema } from 'graphql'
import { makeServer } from 'graphql-ws'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { createMetrics } from '../infra/metrics.ts'
import { type Connection, connectSocket } from './websocket-socket.ts'

const heartbeatMs = 50

describe('the heartbeat', () => {
  let server: Server
  let url: string
  let metrics: ReturnType<typeof createMetrics>

  beforeEach(async () => {
    metrics = createMetrics(async () => ({}) as never)
    const logger = pino({ level: 'silent' })
    const protocol = makeServer<Record<string, unknown>, Connection>({
      schema: buildSchema('type Query { a: Int }'),
      connectionInitWaitTimeout: 0,
    })
    server = createServer().listen(0, '127.0.0.1')
    new WebSocketServer({ server }).on('connection', (socket, request) =>
      connectSocket({ socket, request, protocol, logger, metrics, heartbeatMs }),
    )
    await once(server, 'listening')
    url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterEach(() => {
    server.close()
  })

  const countOpen = async () => (await metrics.openSockets.get()).values[0]?.value

  test('ends a connection whose peer answers no more', async () => {
    const peer = connect({ host: '127.0.0.1', port: Number(new URL(url).port) })
    peer.write(
      'GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n' +
        `sec-websocket-key: ${Buffer.alloc(16).toString('base64')}\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n`,
    )
    peer.on('error', () => {})
    peer.resume()
    await once(peer, 'close')
    await vi.waitFor(async () => expect(await countOpen()).toBe(0))
  })

  test('keeps a connection whose peer answers', async () => {
    const peer = new WebSocket(url, 'graphql-transport-ws')
    let pings = 0
    let isClosed = false
    peer.on('ping', () => pings++)
    peer.on('close', () => {
      isClosed = true
    })
    await vi.waitFor(() => expect(pings).toBeGreaterThan(5), { timeout: 10_000 })
    expect({ isClosed, open: await countOpen() }).toEqual({ isClosed: false, open: 1 })
    peer.terminate()
    await vi.waitFor(async () => expect(await countOpen()).toBe(0))
  })
})
