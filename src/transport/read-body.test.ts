import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readBody } from './read-body.ts'

const server = createServer()

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterAll(() => server.close())

test.each(['gzip', 'identity'])(
  'a body (%s) whose client left before it was looked at is refused',
  async (encoding) => {
    const { port } = server.address() as AddressInfo
    const headers = { 'content-encoding': encoding, 'content-length': '1000' }
    const arrived = once(server, 'request')
    const outgoing = request({ port, host: '127.0.0.1', method: 'POST', headers, agent: false }).on('error', () => {})
    outgoing.flushHeaders()
    const [incoming] = (await arrived) as [IncomingMessage]
    const left = once(incoming, 'close').catch(() => {})
    incoming.on('error', () => {})
    outgoing.destroy()
    await left
    await expect(readBody(incoming, 1_000)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  },
)
