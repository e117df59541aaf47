import { LLMock } from '@copilotkit/aimock'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { modelRequest, protocols } from '../../test/harness/model-server.ts'
import { ModelCallError, type ModelRequest } from './model-call.ts'
import { createModelGateway } from './model-gateway.ts'

const mock = new LLMock({ port: 0 })
const gateway = createModelGateway({ limits: { firstByteMs: 20_000, totalMs: 40_000 } })

beforeAll(() => mock.start())
beforeEach(() => mock.reset())
afterAll(() => mock.stop())

const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
}
const personSchema = {
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'integer' } },
  required: ['name', 'age'],
}

async function call(request: ModelRequest, signal = new AbortController().signal) {
  const deltas: string[] = []
  const answer = await gateway.call(request, { signal, onText: (delta) => deltas.push(delta) })
  return { ...answer, deltas }
}

async function failure(request: ModelRequest, signal?: AbortSignal): Promise<ModelCallError> {
  const error = await call(request, signal).then(
    () => null,
    (thrown) => thrown,
  )
  expect(error).toBeInstanceOf(ModelCallError)
  return error
}

describe.each(protocols)('%s', (protocol) => {
  test('streams a text in the deltas in which it came, with its usage', async () => {
    const usage = { prompt_tokens: 20, completion_tokens: 9, total_tokens: 29 }
    mock.onMessage('hello', { content: 'A text that comes in several pieces.', usage }, { chunkSize: 8 })
    const answer = await call(modelRequest(protocol, mock.url))
    expect(answer).toMatchObject({
      text: 'A text that comes in several pieces.',
      deltas: ['A text t', 'hat come', 's in sev', 'eral pie', 'ces.'],
      output: null,
      toolCalls: null,
      finishReason: 'stop',
      warnings: [],
      inputTokens: 20,
      outputTokens: 9,
      totalTokens: 29,
      cachedInputTokens: null,
      reasoningTokens: null,
    })
    expect(answer.timeToFirstTokenMs).toBeTypeOf('number')
  })

  test('returns the calls of tools and calls none', async () => {
    const args = '{"city":"Oslo"}'
    mock.onMessage('weather', { toolCalls: [{ id: 'call_1', name: 'get_weather', arguments: args }] })
    const messages = [{ role: 'user', content: 'weather' }]
    const answer = await call(modelRequest(protocol, mock.url, { messages, tools: [weather], toolChoice: 'required' }))
    const called = { id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: args } }
    expect(answer).toMatchObject({ text: '', toolCalls: [called] })
    expect(mock.getRequests()).toHaveLength(1)
    expect(mock.getLastRequest()?.body).toMatchObject({ tools: [{ function: { name: 'get_weather' } }] })
  })

  test('sends the result of a tool with its call', async () => {
    mock.onToolResult('call_1', { content: 'It is cold.' })
    const messages = [
      { role: 'user', content: 'weather' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [
          { id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Oslo"}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'call_1', content: '-12' },
    ]
    // Gemini's protocol has no ids of calls.
    if (protocol === 'GOOGLE') mock.on({ hasToolResult: true }, { content: 'It is cold.' })
    const answer = await call(modelRequest(protocol, mock.url, { messages, tools: [weather] }))
    expect(answer.text).toBe('It is cold.')
  })

  test('refuses arguments that do not meet the schema, and keeps them as they came', async () => {
    mock.onMessage('weather', { toolCalls: [{ id: 'call_1', name: 'get_weather', arguments: '{"town":"Oslo"}' }] })
    const messages = [{ role: 'user', content: 'weather' }]
    const error = await failure(modelRequest(protocol, mock.url, { messages, tools: [weather] }))
    expect(error.code).toBe('INVALID_TOOL_ARGUMENTS')
    expect(error.message).toContain('lacks the property "city"')
    expect(error.partial.toolCalls?.[0]?.function.arguments).toBe('{"town":"Oslo"}')
  })

  test('parses the output where there is a schema', async () => {
    mock.onMessage('hello', { content: '{"name":"Ada","age":36}' }, { chunkSize: 6 })
    const answer = await call(modelRequest(protocol, mock.url, { responseSchema: personSchema }))
    expect(answer).toMatchObject({ output: { name: 'Ada', age: 36 }, text: '{"name":"Ada","age":36}' })
    expect(answer.deltas.length).toBeGreaterThan(1)
  })

  test.each([
    ['no JSON', 'I would rather not.'],
    ['half of it', '{"name":"Ada"'],
    ['JSON that does not meet the schema', '{"name":"Ada","age":"old"}'],
  ])('refuses an output that is %s, and keeps the text', async (_what, content) => {
    mock.onMessage('hello', { content })
    const error = await failure(modelRequest(protocol, mock.url, { responseSchema: personSchema }))
    expect(error.code).toBe('INVALID_OUTPUT')
    expect(error.partial).toMatchObject({ text: content, finishReason: 'stop' })
  })

  test.each([
    [401, 'UNAUTHORIZED', false],
    [403, 'UNAUTHORIZED', false],
    [400, 'BAD_REQUEST', false],
    [500, 'PROVIDER_ERROR', true],
    [502, 'PROVIDER_ERROR', true],
    [503, 'OVERLOADED', true],
    [529, 'OVERLOADED', true],
  ])('calls a status of %i %s', async (status, code, retryable) => {
    mock.on({}, { error: { message: 'The words of the provider' }, status })
    const error = await failure(modelRequest(protocol, mock.url))
    expect(error).toMatchObject({ code, retryable, statusCode: status, retryAfterSeconds: null })
    expect(error.message).toContain('The words of the provider')
    expect(mock.getRequests()).toHaveLength(1)
  })

  test('knows a model that is not there', async () => {
    mock.on({}, { error: { message: 'The model `gpt-9` does not exist', code: 'model_not_found' }, status: 404 })
    expect(await failure(modelRequest(protocol, mock.url))).toMatchObject({ code: 'UNKNOWN_MODEL', retryable: false })
  })

  test('says when to come again', async () => {
    mock.on({}, { error: { message: 'Too many requests', type: 'rate_limit_error' }, status: 429, retryAfter: 17 })
    const error = await failure(modelRequest(protocol, mock.url))
    expect(error).toMatchObject({ code: 'RATE_LIMITED', retryable: true, statusCode: 429, retryAfterSeconds: 17 })
    expect(error.message).toContain('Too many requests. Try again in 17 s.')
  })

  test('keeps what had come when the stream is cut', async () => {
    const content = 'one two three four five six seven eight'
    mock.on({ userMessage: 'hello' }, { content }, { chunkSize: 4, latency: 15, truncateAfterChunks: 6 })
    const error = await failure(modelRequest(protocol, mock.url))
    expect(error).toMatchObject({ code: 'STREAM_BROKEN', retryable: true })
    expect(error.partial.text).not.toBe('')
    expect(content.startsWith(error.partial.text as string)).toBe(true)
  })

  test('keeps what had come when it is canceled', async () => {
    mock.on({ userMessage: 'hello' }, { content: 'a text that never ends '.repeat(200) }, { chunkSize: 4, latency: 10 })
    const canceler = new AbortController()
    const request = modelRequest(protocol, mock.url)
    const error = await gateway.call(request, { signal: canceler.signal, onText: () => canceler.abort() }).then(
      () => null,
      (thrown) => thrown,
    )
    expect(error).toMatchObject({ code: 'CANCELED', retryable: false })
    expect(error.partial.text).toMatch(/^a te/)
  })

  // aimock writes endings that Anthropic and the Responses API don't know: provider-wire.test.ts has theirs.
  test.skipIf(protocol === 'ANTHROPIC' || protocol === 'OPENAI')('says that a filter ended the answer', async () => {
    mock.onMessage('hello', { content: 'Well,', finishReason: 'content_filter' })
    const error = await failure(modelRequest(protocol, mock.url))
    expect(error).toMatchObject({ code: 'CONTENT_FILTERED', retryable: false, partial: { text: 'Well,' } })
  })
})
