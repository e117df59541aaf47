import { once } from 'node:events'
import { request } from 'node:http'
import { Readable } from 'node:stream'
import { createGzip, deflateSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { headersOf } from './harness/graphql-client.ts'
import { type RawRequest, sendRaw } from './harness/raw-http.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'
import { until } from './harness/until.ts'

const maxBytes = 20_000
const query = '{ viewer { scopes } }'
const tooLarge = { code: 'PAYLOAD_TOO_LARGE', limit: 'TRACEMEND_MAX_BODY_BYTES', max: maxBytes }

describe('the body of a request', () => {
  let app: TestApp

  beforeAll(async () => {
    app = await startTestApp({ limits: { bodyBytes: maxBytes } })
  })
  afterAll(() => app.close())

  function post(body: NonNullable<RawRequest['body']>, headers: Record<string, string> = {}) {
    return sendRaw({ url: `${app.url}/graphql`, body, headers: { ...headersOf(app.backend.operatorKey), ...headers } })
  }

  /** A valid operation in a body of so many bytes. */
  function bodyOf(bytes: number): Buffer {
    const body = JSON.stringify({ query, variables: { pad: '' } })
    return Buffer.from(body.replace('""', `"${'x'.repeat(bytes - body.length)}"`))
  }

  test('may have as many bytes as the limit says, and not one more', async () => {
    expect((await post(bodyOf(maxBytes))).status).toBe(200)
    const { status, error } = await post(bodyOf(maxBytes + 1))
    expect({ status, extensions: error?.extensions }).toEqual({ status: 413, extensions: tooLarge })
    expect(error?.message).toContain(`${maxBytes + 1} bytes were announced`)
  })

  test('is counted while it arrives where its length was not announced', async () => {
    expect((await post(Readable.from([bodyOf(maxBytes)]))).status).toBe(200)
    const { status, headers, error } = await post(Readable.from(endless(Buffer.alloc(10_000, 'x'))))
    expect({ status, extensions: error?.extensions }).toEqual({ status: 413, extensions: tooLarge })
    expect(headers['x-request-id']).toBeTruthy()
  })

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['GZIP', gzipSync],
  ])('may be encoded as %s, and is counted as it was before', async (encoding, compress) => {
    expect((await post(compress(bodyOf(maxBytes)), { 'content-encoding': encoding })).status).toBe(200)
    const { status, error } = await post(compress(bodyOf(maxBytes + 1)), { 'content-encoding': encoding })
    expect({ status, extensions: error?.extensions }).toEqual({ status: 413, extensions: tooLarge })
  })

  test('that inflates to 300 MB is refused without being inflated', async () => {
    const zeros = Buffer.alloc(1_000_000)
    const bomb = await collect(Readable.from(repeated(zeros, 300)).pipe(createGzip()))
    expect(bomb.length).toBeLessThan(400_000)
    const roomy = await startTestApp({ backend: app.backend, limits: { bodyBytes: 1_000_000 } })
    const before = process.memoryUsage().rss
    const headers = { ...headersOf(app.backend.operatorKey), 'content-encoding': 'gzip' }
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => sendRaw({ url: `${roomy.url}/graphql`, body: bomb, headers })),
    )
    for (const { status, error } of answers) {
      expect(status).toBe(413)
      expect(error?.extensions).toEqual({ ...tooLarge, max: 1_000_000 })
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000)
    await roomy.close()
  })

  test('that inflates to nothing for ever is counted as it arrives', async () => {
    const body = Readable.from(endless(gzipSync('')))
    const { status, error } = await post(body, { 'content-encoding': 'gzip' })
    expect({ status, extensions: error?.extensions }).toEqual({ status: 413, extensions: tooLarge })
  })

  test.each([
    ['cut off', gzipSync(JSON.stringify({ query })).subarray(0, 20)],
    ['no gzip', Buffer.from(JSON.stringify({ query }))],
  ])('that is %s is INVALID_INPUT', async (_, body) => {
    const { status, error } = await post(body, { 'content-encoding': 'gzip' })
    expect({ status, extensions: error?.extensions }).toEqual({
      status: 400,
      extensions: { code: 'INVALID_INPUT', field: 'body' },
    })
  })

  test.each([
    ['another encoding', JSON.stringify({ query }), { 'content-encoding': 'br' }, 'content-encoding'],
    ['several encodings', JSON.stringify({ query }), { 'content-encoding': 'gzip, gzip' }, 'content-encoding'],
    ['another type', `query=${query}`, { 'content-type': 'application/x-www-form-urlencoded' }, 'content-type'],
    ['the type of a form with files', query, { 'content-type': 'multipart/form-data; boundary=x' }, 'content-type'],
    ['no JSON', '{ "query": ', {}, 'body'],
    ['nothing in it', '', {}, 'body'],
    ['null in it', 'null', {}, 'body'],
    ['a number in it', '1', {}, 'body'],
    ['a list of operations in it', JSON.stringify([{ query }, { query }]), {}, 'body'],
    ['no UTF-8', Buffer.from([...Buffer.from('{"query":"{ viewer { scopes } } #'), 0xff, 0x22, 0x7d]), {}, 'body'],
  ])('with %s is INVALID_INPUT', async (_, body, headers, field) => {
    const { status, error } = await post(body, headers as Record<string, string>)
    expect({ status, extensions: error?.extensions }).toEqual({
      status: 400,
      extensions: { code: 'INVALID_INPUT', field },
    })
  })

  test.each([
    ['an unknown parameter', { query, nope: 1 }],
    ['no query', { variables: {} }],
    ['a query that is a number', { query: 5 }],
    ['variables that are a list', { query, variables: [] }],
    ['an operation that the document has not', { query, operationName: 'Nope' }],
    ['an operationName that is a number', { query, operationName: 5 }],
    ['two operations to choose from', { query: 'query A { __typename } query B { __typename }' }],
    ['half a document', { query: '{' }],
  ])('with %s is INVALID_INPUT', async (_, params) => {
    const { status, error } = await post(JSON.stringify(params))
    expect({ status, code: error?.extensions.code }).toEqual({ status: 400, code: 'INVALID_INPUT' })
  })

  test('may begin with a byte order mark', async () => {
    expect((await post(`\uFEFF${JSON.stringify({ query })}`)).status).toBe(200)
  })

  test.each([
    ['', {}],
    [' that is gzip', { 'content-encoding': 'gzip' }],
  ])('that breaks off in the middle%s leaves nothing behind', async (_, encoding) => {
    const refused = app.log.said('could not be read').length
    const headers = { ...headersOf(app.backend.operatorKey), ...encoding, 'content-length': '1000' }
    const outgoing = request(`${app.url}/graphql`, { method: 'POST', headers, agent: false })
    outgoing.on('error', () => {})
    outgoing.write(gzipSync('{"query":').subarray(0, 12))
    await once(outgoing, 'socket')
    await new Promise((resolve) => outgoing.write(' ', resolve))
    outgoing.destroy()
    await until(() => app.log.said('could not be read').length === refused + 1)
    expect(app.log.lines.filter(({ level }) => level >= 50)).toEqual([])
    expect((await post(JSON.stringify({ query }))).status).toBe(200)
  })
})

function* endless(chunk: Buffer): Generator<Buffer> {
  for (;;) yield chunk
}

function* repeated(chunk: Buffer, times: number): Generator<Buffer> {
  for (let time = 0; time < times; time++) yield chunk
}

async function collect(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}
