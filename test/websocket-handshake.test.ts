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

describe('an offer of another protocol than WebSocket is ignored, and its request answered', () => {
  const offer = 'host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'
  const get = `GET /healthz HTTP/1.1\r\n${offer}x-request-id: offered\r\n\r\n`
  const query = JSON.stringify({ query: '{ __typename }' })

  function post(body: string, framing: string): string {
    return `POST /graphql HTTP/1.1\r\n${offer}content-type: application/json\r\n${framing}\r\n\r\n${body}`
  }

  const sized = (body: string) => post(body, `content-length: ${Buffer.byteLength(body)}`)
  const chunked = (body: string) =>
    post(`${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`, 'transfer-encoding: chunked')

  /** A connection on which one text after the other is sent, each when the answers before have come. */
  function open() {
    const { hostname, port } = new URL(app.url)
    const socket = connect({ host: hostname, port: Number(port) })
    let received = ''
    let expected = 0
    socket.on('data', (bytes) => {
      received += bytes
    })
    return {
      socket,
      async ask(text: string | string[], answers = 1): Promise<string> {
        const from = received.length
        expected += answers
        for (const part of [text].flat()) {
          socket.write(part)
          await new Promise((resolve) => setTimeout(resolve, 5))
        }
        await until(() => received.split('HTTP/1.1 ').length > expected && /[}\n]$/.test(received))
        return received.slice(from)
      },
    }
  }

  test.each([
    ['a GET', get, '"alive"'],
    ['a sized body', sized(query), '"__typename":"Query"'],
    ['a chunked body', chunked(query), '"__typename":"Query"'],
    ['a body of 200 KB', sized(query + ' '.repeat(200_000)), '"__typename":"Query"'],
    ['chunks of 200 KB', chunked(query + ' '.repeat(200_000)), '"__typename":"Query"'],
    ['a header in pieces', get.match(/.{1,40}/gs) as string[], '"alive"'],
    ['a body in pieces', sized(query).match(/.{1,40}/gs) as string[], '"__typename":"Query"'],
  ])('with %s', async (_, text, answer) => {
    const { socket, ask } = open()
    const first = await ask(text)
    expect(first).toMatch(/^HTTP\/1.1 200 /)
    expect(first).toContain(answer)
    expect(await ask('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n')).toContain('"alive"')
    socket.destroy()
  })

  test('again and again on one connection, which collects no listeners', async () => {
    const warnings: Error[] = []
    const onWarning = (warning: Error) => warnings.push(warning)
    process.on('warning', onWarning)
    const { socket, ask } = open()
    for (let i = 0; i < 30; i++) {
      expect(await ask(get)).toMatch(/^HTTP\/1.1 200 .*x-request-id: offered/s)
      expect(await ask(sized(query))).toContain('"__typename":"Query"')
    }
    socket.destroy()
    process.off('warning', onWarning)
    expect(warnings).toEqual([])
  })

  test('behind requests that are still being answered, in their order', async () => {
    const { socket, ask } = open()
    const plain = sized(query).replace(offer, 'host: x\r\n')
    // Nothing behind it: where Node ignores the offer itself, it loses what came in the same packet.
    const answer = await ask(plain + plain + get, 3)
    expect(answer.match(/"alive"|"__typename"/g)).toEqual(['"__typename"', '"__typename"', '"alive"'])
    socket.destroy()
  })

  test('with what else it says of the connection kept', async () => {
    const { socket, ask } = open()
    const ended = once(socket, 'end')
    expect(await ask(get.replace('Upgrade, ', 'Upgrade, close, '))).toMatch(/^HTTP\/1.1 200 .*connection: close/is)
    await ended
  })

  test('and the connection, kept alive, does not hold up the end of the server', async () => {
    const other = await startTestApp({ backend: app.backend })
    const { hostname, port } = new URL(other.url)
    const socket = connect({ host: hostname, port: Number(port) })
    socket.write(get)
    await once(socket, 'data')
    const ended = once(socket, 'close')
    const begun = performance.now()
    await other.close()
    await ended
    expect(performance.now() - begun).toBeLessThan(8_000)
  })
})
