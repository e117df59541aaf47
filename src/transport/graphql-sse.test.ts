import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import {
  createTexts,
  type Source,
  type StreamServer,
  startStreamServer,
  textsSubscription,
} from '../../test/harness/stream-server.ts'
import { until } from '../../test/harness/until.ts'

let server: StreamServer

afterEach(() => server.close())

const headers = { accept: 'text/event-stream', 'content-type': 'application/json' }
const post = { method: 'POST', headers, body: JSON.stringify({ query: textsSubscription }) }

/** Everything that comes on a bare connection, for a request sent as it stands. */
function ask(lines: string[]): { socket: Socket; text(): string } {
  const { hostname, port } = new URL(server.url)
  const socket = connect({ host: hostname, port: Number(port) })
  let text = ''
  socket.on('data', (bytes) => {
    text += bytes
  })
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  return { socket, text: () => text }
}

const get = `/graphql?query=${encodeURIComponent(textsSubscription)}`

function two(): Source {
  return createTexts(2, (index) => ({ data: { texts: `${index}` } }))
}

describe('a stream of events', () => {
  test('is the same for a GET and a POST, and says when to come back', async () => {
    server = await startStreamServer({ open: two })
    const answers = [await fetch(`${server.url}/graphql`, post), await fetch(`${server.url}${get}`)]
    for (const answer of answers) {
      expect(answer.status).toBe(200)
      expect(answer.headers.get('content-type')).toBe('text/event-stream')
      expect(answer.headers.get('cache-control')).toContain('no-cache')
      expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
      expect(await answer.text()).toBe(
        ':\nretry: 1000\n\n' +
          'event: next\ndata: {"data":{"texts":"0"}}\n\nevent: next\ndata: {"data":{"texts":"1"}}\n\n' +
          'event: complete\ndata: \nretry: 1000\n\n',
      )
    }
  })

  test('that is quiet has a comment now and then, and begins before anything happens', async () => {
    server = await startStreamServer({ open: () => createTexts(0, null), keepAliveMs: 50 })
    const answer = await fetch(`${server.url}/graphql`, post)
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    while (!text.endsWith(':\n\n:\n\n:\n\n')) text += (await reader?.read())?.value
    expect(text).toBe(`:\nretry: 1000\n\n${':\n\n'.repeat((text.length - 15) / 3)}`)
    await reader?.cancel()
  })

  test('has no comments as long as something happens', async () => {
    const lively = createTexts(30, (index) => ({ data: { texts: `${index}` } }))
    const next = lively.next.bind(lively)
    lively.next = async () => {
      await new Promise((resolve) => setTimeout(resolve, 10))
      return next()
    }
    server = await startStreamServer({ open: () => lively, keepAliveMs: 2_000 })
    const text = await (await fetch(`${server.url}/graphql`, post)).text()
    expect(text.match(/^event: next$/gm)).toHaveLength(30)
    expect(text.match(/^:/gm)).toHaveLength(1)
  })

  test('whose source fails ends with the failure, presented', async () => {
    const failing = two()
    failing.next = () => Promise.reject(new Error('a secret'))
    server = await startStreamServer({ open: () => failing })
    const answer = await fetch(`${server.url}/graphql`, post)
    const text = await answer.text()
    const data = JSON.parse(/^data: (.+)$/m.exec(text)?.[1] ?? '')
    const requestId = answer.headers.get('x-request-id')
    expect(data).toEqual({ errors: [{ message: expect.any(String), extensions: { code: 'INTERNAL', requestId } }] })
    expect(text).not.toContain('a secret')
    expect(text).toContain('event: complete\n')
  })

  test('is open to scripts of another origin', async () => {
    server = await startStreamServer({ open: two })
    const origin = 'https://a.example'
    const answer = await fetch(`${server.url}/graphql`, { ...post, headers: { ...headers, origin } })
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin)
    expect(answer.headers.get('access-control-expose-headers')).toContain('x-request-id')
    await answer.text()
  })

  test('can be had by HTTP/1.0, and behind another one on the same connection', async () => {
    server = await startStreamServer({ open: two })
    const old = ask([`GET ${get} HTTP/1.0`, 'accept: text/event-stream'])
    await once(old.socket, 'close')
    expect(old.text()).toMatch(
      /^HTTP\/1.1 200 [\s\S]*\r\n\r\n:\nretry: 1000\n\n[\s\S]*event: complete\ndata: \nretry: 1000\n\n$/,
    )
    const request = [`GET ${get} HTTP/1.1`, 'host: x', 'accept: text/event-stream']
    const piped = ask([...request, '', ...request])
    await until(() => piped.text().match(/event: complete[\s\S]*?\r\n0\r\n\r\n/g)?.length === 2)
    piped.socket.destroy()
  })

  test('that waits behind another one gives its source back when the client goes away', async () => {
    const sources = [createTexts(0, null), createTexts(0, null)]
    let opened = 0
    server = await startStreamServer({ open: () => sources[opened++] ?? two() })
    const request = [`GET ${get} HTTP/1.1`, 'host: x', 'accept: text/event-stream']
    const { socket } = ask([...request, '', ...request])
    await until(() => sources.every(({ isAsked }) => isAsked))
    socket.destroy()
    await until(() => sources.every(({ isReturned }) => isReturned))
  })
})
