import { inspect } from 'node:util'
import { LLMock } from '@copilotkit/aimock'
import { afterEach, describe, expect, test } from 'vitest'
import { type Answer, startModelServer } from '../../test/harness/model-server.ts'
import { UnavailableError } from '../errors.ts'
import { createEndpointEncoder, type EndpointEncoderOptions } from './endpoint-encoder.ts'

const apiKey = 'sk-secret-key-of-the-test'
const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function start(answer: Answer, options: Partial<EndpointEncoderOptions> = {}) {
  const server = await startModelServer(answer)
  const encoder = createEndpointEncoder({ baseUrl: `${server.url}/v1/`, model: 'm', apiKey, ...options })
  closers.push(server.close, encoder.close)
  return { encoder, requests: server.requests }
}

function sendJson(response: Parameters<Answer>[0], status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

/** Says what came: [its length, 1]. */
const byLength: Answer = (response, { body }) =>
  sendJson(response, 200, {
    data: body.input.map((text: string, index: number) => ({ index, embedding: [text.length, 1] })),
  })

const unit = (...values: number[]) => {
  const length = Math.hypot(...values)
  return Float32Array.from(values, (value) => value / length)
}

async function failure(encoding: Promise<unknown>): Promise<UnavailableError> {
  const error = await encoding.catch((thrown: unknown) => thrown)
  if (!(error instanceof UnavailableError)) throw new Error('An UnavailableError was expected.', { cause: error })
  expect(inspect(error)).not.toContain(apiKey)
  return error
}

test("speaks OpenAI's protocol", async () => {
  const mock = new LLMock({ port: 0 })
  await mock.start()
  closers.push(() => mock.stop())
  mock.onEmbedding('hello', { embedding: [3, 4] })
  const encoder = createEndpointEncoder({ baseUrl: `${mock.url}/v1`, model: 'text-embedding-3-small', apiKey: null })
  expect(encoder.model).toBe('openai-compatible:text-embedding-3-small')
  expect(await encoder.encode([['hello'], ['', 'hello']])).toEqual([unit(3, 4), unit(3, 4)])
})

test('sends key, model and the texts; those without a word have no vector', async () => {
  const { encoder, requests } = await start(byLength)
  const vectors = await encoder.encode([['abc'], [' ', '—'], [], ['你好']])
  expect(vectors).toEqual([unit(3, 1), null, null, unit(2, 1)])
  expect(requests).toHaveLength(1)
  expect(requests[0]).toMatchObject({ path: '/v1/embeddings', headers: { authorization: `Bearer ${apiKey}` } })
  expect(requests[0]?.body).toEqual({ model: 'm', input: ['abc', '你好'], encoding_format: 'float' })
  expect(await encoder.encode([['?']])).toEqual([null])
  expect(requests).toHaveLength(1)
})

test('many texts go in several requests, each text with its own vector', async () => {
  const { encoder, requests } = await start(byLength)
  const texts = Array.from({ length: 150 }, (_, index) => ['x'.repeat(index + 1)])
  expect(await encoder.encode(texts)).toEqual(texts.map(([text = '']) => unit(text.length, 1)))
  expect(requests.map(({ body }) => body.input.length)).toEqual([64, 64, 22])
})

test('a long text is cut in equal windows, and has the mean of all; a request stays below its limit', async () => {
  const { encoder, requests } = await start(byLength)
  await encoder.encode([['word '.repeat(3000)], ['word '.repeat(100_000)]])
  const lengths = requests.map(({ body }) => body.input.map((text: string) => text.length))
  expect(lengths[0].slice(0, 3)).toEqual([4999, 4999, 4999])
  expect(lengths.flat()).toHaveLength(3 + 64)
  for (const input of lengths) expect(input.reduce((sum: number, length: number) => sum + length)).toBeLessThan(150_001)
})

test('takes vectors by their index, and base64', async () => {
  const base64 = Buffer.from(Float32Array.of(0, 2).buffer).toString('base64')
  const { encoder } = await start((response) =>
    sendJson(response, 200, {
      data: [
        { index: 1, embedding: base64 },
        { index: 0, embedding: [2, 0] },
      ],
    }),
  )
  expect(await encoder.encode([['first'], ['second']])).toEqual([unit(1, 0), unit(0, 1)])
})

test('tries again when it is told to, or when the server is at fault', async () => {
  let count = 0
  const { encoder, requests } = await start((response, request) => {
    count++
    if (count === 1) return sendJson(response, 429, {}, { 'retry-after': '0' })
    if (count === 2) return sendJson(response, 500, {})
    return byLength(response, request)
  })
  expect(await encoder.encode([['abc']])).toEqual([unit(3, 1)])
  expect(requests).toHaveLength(3)
})

test('gives up after four times', async () => {
  const { encoder, requests } = await start((response) =>
    sendJson(response, 503, { error: { message: `no room for ${apiKey}` } }, { 'retry-after': '0' }),
  )
  const error = await failure(encoder.encode([['abc']]))
  expect(error).toMatchObject({ code: 'UNAVAILABLE', message: 'The endpoint that encodes texts answered 503.' })
  expect((error.cause as Error).message).toContain('no room for [secret]')
  expect(requests).toHaveLength(4)
})

test.each([
  ['is told to wait for a minute', 429, { 'retry-after': '60' }],
  ['is refused', 401, {}],
  ['is redirected', 302, { location: 'http://localhost/' }],
])('gives up at once where it %s', async (_name, status, headers) => {
  const { encoder, requests } = await start((response) => sendJson(response, status, { key: apiKey }, headers))
  await failure(encoder.encode([['abc']]))
  expect(requests).toHaveLength(1)
})

describe('refuses an answer', () => {
  const item = (embedding: unknown, index?: unknown) => ({ embedding, index })
  test.each<[string, unknown, RegExp]>([
    ['that is no JSON', '<html>', /a list "data"/],
    ['without data', {}, /a list "data"/],
    ['of one vector too few', { data: [item([1])] }, /2 vectors, and 1 came/],
    ['of different lengths', { data: [item([1]), item([1, 2])] }, /equal length.* 1, 2 came/],
    ['with a vector of zeros', { data: [item([1, 0]), item([0, 0])] }, /not all of them zero/],
    ['with numbers out of bounds', { data: [item([1, 0]), item([1e200, 0])] }, /finite/],
    ['with what is no number', { data: [item([1, null]), item([1, 0])] }, /"embedding" of numbers/],
    ['without a number', { data: [item([]), item([])] }, /not all of them zero/],
    ['with broken base64', { data: [item('AAA'), item('AAA')] }, /base64/],
    ['with an index twice', { data: [item([1], 0), item([1], 0)] }, /each "index" once/],
    ['with an index out of bounds', { data: [item([1], 1), item([1], 2)] }, /each "index" once/],
  ])('%s', async (_name, body, message) => {
    const { encoder, requests } = await start((response) => {
      if (typeof body === 'string') response.end(body)
      else sendJson(response, 200, body)
    })
    expect((await failure(encoder.encode([['abc'], ['def']]))).message).toMatch(message)
    expect(requests).toHaveLength(1)
  })

  test('of another length than before', async () => {
    const { encoder } = await start((response, { body }) => {
      sendJson(response, 200, { data: [{ embedding: Array(body.input[0].length).fill(1) }] })
    })
    await encoder.encode([['abc']])
    expect((await failure(encoder.encode([['abcd']]))).message).toMatch(/3 as before, and those of 4 came/)
  })
})

test('an abort or closing ends the request, and a silent server is waited for no longer than said', async () => {
  const { encoder, requests } = await start(() => {})
  const aborter = new AbortController()
  const aborted = encoder.encode([['abc']], aborter.signal)
  const reason = new Error('no longer needed')
  while (requests.length === 0) await new Promise((resolve) => setImmediate(resolve))
  aborter.abort(reason)
  await expect(aborted).rejects.toBe(reason)
  await requests[0]?.closed

  const closing = failure(encoder.encode([['abc']]))
  await encoder.close()
  await closing
  await failure(encoder.encode([['abc']]))

  const impatient = await start(() => {}, { timeoutMs: 30 })
  expect((await failure(impatient.encoder.encode([['abc']]))).message).toMatch(/within 30 ms/)
  expect(impatient.requests).toHaveLength(1)
})

test('is not made with an address or a key that can not be', () => {
  const create = (baseUrl: string, key: string | null = null) =>
    createEndpointEncoder({ baseUrl, model: 'm', apiKey: key })
  for (const baseUrl of ['localhost', 'ftp://localhost', 'http://a:b@localhost']) {
    expect(() => create(baseUrl)).toThrow(/http or https/)
  }
  expect(() => create('http://localhost', 'a\nb')).toThrow(/characters/)
})
