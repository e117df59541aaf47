import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from './harness/test-app.ts'
import { until } from './harness/until.ts'

let app: TestApp

beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.close())

describe('a handshake', () => {
  /** What is answered to a text on a bare connection that the client never closes. */
  async function answerTo(text: string): Promise<string> {
    const { hostname, port } = new URL(app.url)
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
    socket.write(text)
    let answer = ''
    socket.on('data', (bytes) => {
      answer += bytes
    })
    await once(socket, 'end')
    socket.destroy()
    return answer
  }

  function upgrade(path: string, headers: Record<string, string> = {}): string {
    const all = {
      host: 'x',
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.alloc(16).toString('base64'),
      'x-request-id': 'upgrade-1',
      ...headers,
    }
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
    return `GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`
  }

  const protocol = { 'sec-websocket-protocol': 'graphql-transport-ws' }

  test.each([
    ['at another path', '/elsewhere', protocol, 404, 'NOT_FOUND'],
    ['without a subprotocol', '/graphql', {}, 400, 'INVALID_INPUT'],
    ['with another subprotocol', '/graphql', { 'sec-websocket-protocol': 'graphql-ws' }, 400, 'INVALID_INPUT'],
    ['of another version', '/graphql', { ...protocol, 'sec-websocket-version': '9' }, 400, 'INVALID_INPUT'],
    ['without a proper key', '/graphql', { ...protocol, 'sec-websocket-key': 'short' }, 400, 'INVALID_INPUT'],
  ])('%s is refused, coded, and the connection closed', async (_, path, headers, status, code) => {
    const answer = await answerTo(upgrade(path, headers as Record<string, string>))
    const [head, body = ''] = answer.split('\r\n\r\n')
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(head?.toLowerCase()).toContain('x-request-id: upgrade-1')
    expect(JSON.parse(body).errors[0].extensions).toEqual({ code })
  })

  test('that is no HTTP at all is refused, coded, and the connection closed', async () => {
    const answer = await answerTo('\x16\x03\x01 hello\r\n\r\n')
    expect(answer).toMatch(/^HTTP\/1.1 400 /)
    expect(answer).toContain('x-request-id: ')
    expect(answer).toContain('INVALID_INPUT')
  })

  test('with headers beyond the limit is refused, coded', async () => {
    const answer = await answerTo(upgrade('/graphql', { ...protocol, 'x-long': 'x'.repeat(20_000) }))
    expect(answer).toMatch(/^HTTP\/1.1 431 /)
    expect(answer).toContain('PAYLOAD_TOO_LARGE')
  })

  test('that is accepted carries the request id, and is closed when its client stays silent', async () => {
    const { hostname, port } = new URL(app.url)
    const socket = connect({ host: hostname, port: Number(port) })
    const chunks: Buffer[] = []
    socket.on('data', (bytes) => chunks.push(bytes))
    socket.write(upgrade('/graphql', protocol))
    await until(() => chunks.length > 0)
    expect(String(chunks[0])).toMatch(/^HTTP\/1.1 101 .*x-request-id: upgrade-1/s)
    // A close frame is 0x88, its length, its code.
    const frame = await until(() => Buffer.concat(chunks.slice(1)).length > 3 && Buffer.concat(chunks.slice(1)))
    expect(frame[0]).toBe(0x88)
    expect(frame.readUInt16BE(2)).toBe(4408)
    socket.destroy()
  })
})
