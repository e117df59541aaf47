import { afterEach, describe, expect, test } from 'vitest'
import {
  answerEvents,
  beginAnswer,
  callModel,
  failedCall,
  jsonAnswer,
  type ModelServer,
  modelRequest,
  type Protocol,
  sendEvents,
  startModelServer,
  toEvent,
} from '../../test/harness/model-server.ts'

let server: ModelServer

afterEach(() => server.close())

describe('what a provider says', () => {
  const google = (code: number, message: string, details: object[] = []) => ({
    error: { code, message, status: 'INVALID_ARGUMENT', details },
  })

  test.each<[Protocol, number, object, object]>([
    [
      'OPENAI',
      400,
      { error: { message: 'No.', type: 'invalid_request_error', code: 'content_policy_violation' } },
      { code: 'CONTENT_FILTERED' },
    ],
    [
      'OPENAI',
      429,
      { error: { message: 'Pay.', type: 'insufficient_quota', code: 'insufficient_quota' } },
      { code: 'RATE_LIMITED', retryable: false },
    ],
    [
      'OPENAI_COMPATIBLE',
      404,
      { error: { message: 'model "x" not found, try pulling it first' } },
      { code: 'UNKNOWN_MODEL' },
    ],
    ['OPENAI_COMPATIBLE', 404, { detail: 'Not Found' }, { code: 'PROVIDER_ERROR', retryable: false }],
    [
      'ANTHROPIC',
      400,
      {
        type: 'error',
        error: { type: 'invalid_request_error', message: 'Output blocked by content filtering policy' },
      },
      { code: 'CONTENT_FILTERED' },
    ],
    [
      'ANTHROPIC',
      404,
      { type: 'error', error: { type: 'not_found_error', message: 'model: claude-9' } },
      { code: 'UNKNOWN_MODEL' },
    ],
    ['GOOGLE', 400, google(400, 'API key not valid. Please pass a valid API key.'), { code: 'UNAUTHORIZED' }],
    ['GOOGLE', 404, google(404, 'models/gemini-9 is not found for API version v1beta'), { code: 'UNKNOWN_MODEL' }],
    [
      'GOOGLE',
      429,
      google(429, 'Quota', [{ retryDelay: '34.07s' }]),
      {
        code: 'RATE_LIMITED',
        retryAfterSeconds: 35,
        message: 'The provider answered 429: Quota. Try again in 35 s.',
      },
    ],
  ])('%s with %i', async (protocol, status, body, expected) => {
    server = await startModelServer(jsonAnswer(status, body))
    expect(await failedCall(modelRequest(protocol, server.url))).toMatchObject({ statusCode: status, ...expected })
  })

  test.each<[Protocol, object, object]>([
    [
      'OPENAI',
      {
        type: 'error',
        sequence_number: 9,
        error: { type: 'server_error', code: 'server_is_overloaded', message: 'Busy' },
      },
      { code: 'OVERLOADED' },
    ],
    [
      'OPENAI',
      { type: 'response.failed', sequence_number: 9, response: { error: { code: 'server_error', message: 'Busy' } } },
      { code: 'PROVIDER_ERROR' },
    ],
    ['OPENAI_CHAT', { error: { type: 'server_error', message: 'Busy' } }, { code: 'PROVIDER_ERROR' }],
    ['OPENAI_COMPATIBLE', { error: { type: 'rate_limit_error', message: 'Busy' } }, { code: 'RATE_LIMITED' }],
    ['ANTHROPIC', { type: 'error', error: { type: 'overloaded_error', message: 'Busy' } }, { code: 'OVERLOADED' }],
    ['GOOGLE', { error: { code: 503, message: 'Busy', status: 'UNAVAILABLE' } }, { code: 'OVERLOADED' }],
  ])('%s in the middle of the stream: %j', async (protocol, event, expected) => {
    server = await startModelServer((response) => {
      beginAnswer(protocol, response)
      response.end(toEvent(event))
    })
    const error = await failedCall(modelRequest(protocol, server.url))
    expect(error).toMatchObject({ ...expected, retryable: true, partial: { text: 'Hello you' } })
    expect(error.message).toContain('Busy')
  })

  test('what is no JSON in the middle of the stream', async () => {
    server = await startModelServer((response) => {
      beginAnswer('OPENAI_CHAT', response)
      response.end('data: {"half\n\n')
    })
    const error = await failedCall(modelRequest('OPENAI_CHAT', server.url))
    expect(error).toMatchObject({ code: 'STREAM_BROKEN', partial: { text: 'Hello you' } })
  })

  test('an error in place of a stream', async () => {
    server = await startModelServer((response) => {
      const error = { type: 'server_error', code: 'rate_limit_exceeded', message: 'Slow down' }
      sendEvents(response, [toEvent({ type: 'error', sequence_number: 0, error })])
      response.end()
    })
    expect(await failedCall(modelRequest('OPENAI', server.url))).toMatchObject({
      code: 'RATE_LIMITED',
      retryable: true,
    })
  })

  test('a refusal of Claude', async () => {
    server = await startModelServer((response) => {
      sendEvents(
        response,
        answerEvents('ANTHROPIC', ['Well,']).map((event) => event.replace('end_turn', 'refusal')),
      )
      response.end()
    })
    expect(await failedCall(modelRequest('ANTHROPIC', server.url))).toMatchObject({
      code: 'CONTENT_FILTERED',
      partial: { text: 'Well,' },
    })
  })

  test('a filter of the Responses API', async () => {
    server = await startModelServer((response) => {
      const [ending, ...before] = answerEvents('OPENAI', ['Well,']).toReversed() as [string, ...string[]]
      const incomplete = '"response":{"incomplete_details":{"reason":"content_filter"},'
      sendEvents(response, [
        ...before.toReversed(),
        ending.replaceAll('response.completed', 'response.incomplete').replace('"response":{', incomplete),
      ])
      response.end()
    })
    expect(await failedCall(modelRequest('OPENAI', server.url))).toMatchObject({
      code: 'CONTENT_FILTERED',
      partial: { text: 'Well,' },
    })
  })

  test('a prompt that Gemini blocks', async () => {
    server = await startModelServer((response) => {
      sendEvents(response, [toEvent({ promptFeedback: { blockReason: 'PROHIBITED_CONTENT' } })])
      response.end()
    })
    const error = await failedCall(modelRequest('GOOGLE', server.url))
    expect(error.code).toBe('CONTENT_FILTERED')
    expect(error.message).toContain('PROHIBITED_CONTENT')
  })

  test.each([
    [{ 'retry-after': '7' }, 7],
    [{ 'retry-after-ms': '1500', 'retry-after': '9' }, 2],
    [{ 'retry-after': new Date(Date.now() - 5000).toUTCString() }, 0],
    [{ 'retry-after': 'soon' }, null],
  ])('%o', async (headers, seconds) => {
    server = await startModelServer(
      jsonAnswer(429, { error: { message: 'Later.' } }, headers as Record<string, string>),
    )
    const error = await failedCall(modelRequest('OPENAI', server.url))
    expect(error.retryAfterSeconds).toBe(seconds)
    const when = seconds === null ? '' : ` Try again ${seconds === 0 ? 'now' : `in ${seconds} s`}.`
    expect(error.message).toBe(`The provider answered 429: Later.${when}`)
  })

  test.each<[number, object, string]>([
    [429, { message: 'Rate limit reached' }, 'The provider answered 429: Rate limit reached. Try again in 7 s.'],
    [503, { message: 'Busy (for now)!' }, 'The provider answered 503: Busy (for now)! Try again in 7 s.'],
    [429, { message: 'Pay.', code: 'insufficient_quota' }, 'The provider answered 429: Pay.'],
    [500, { message: 'Oh.' }, 'The provider answered 500: Oh.'],
  ])('%i %j says in words when to try again, where that may help', async (status, error, message) => {
    server = await startModelServer(jsonAnswer(status, { error }, { 'retry-after': '7' }))
    expect((await failedCall(modelRequest('OPENAI_CHAT', server.url))).message).toBe(message)
  })

  test('words that are cut are still followed by when to try again', async () => {
    const error = { message: 'x'.repeat(2_000) }
    server = await startModelServer(jsonAnswer(429, { error }, { 'retry-after': '7' }))
    expect((await failedCall(modelRequest('OPENAI_CHAT', server.url))).message).toMatch(/x… Try again in 7 s\.$/)
  })

  const cut = 'The answer was cut: the model reached its limit of tokens.'
  const notWhole = (reason: string) => `The answer may not be whole: the provider ended it with "${reason}".`
  const incomplete = (reason: string): [string, string] => [
    '"response":{',
    `"response":{"incomplete_details":{"reason":"${reason}"},`,
  ]
  /** What stands in the ending of a whole answer, what stands there instead, and what is made of it. */
  const endings: [Protocol, string, [string, string], { finishReason: string; warnings: string[] }][] = [
    ['OPENAI', 'max_output_tokens', incomplete('max_output_tokens'), { finishReason: 'length', warnings: [cut] }],
    ['OPENAI_CHAT', 'length', ['"stop"', '"length"'], { finishReason: 'length', warnings: [cut] }],
    ['OPENAI_COMPATIBLE', 'length', ['"stop"', '"length"'], { finishReason: 'length', warnings: [cut] }],
    ['OPENAI_COMPATIBLE', 'model_length', ['"stop"', '"model_length"'], { finishReason: 'length', warnings: [cut] }],
    ['OPENAI_COMPATIBLE', 'abort', ['"stop"', '"abort"'], { finishReason: 'other', warnings: [notWhole('abort')] }],
    ['OPENAI_COMPATIBLE', 'eos', ['"stop"', '"eos"'], { finishReason: 'other', warnings: [] }],
    ['ANTHROPIC', 'max_tokens', ['end_turn', 'max_tokens'], { finishReason: 'length', warnings: [cut] }],
    ['ANTHROPIC', 'stop_sequence', ['end_turn', 'stop_sequence'], { finishReason: 'stop', warnings: [] }],
    ['GOOGLE', 'MAX_TOKENS', ['"STOP"', '"MAX_TOKENS"'], { finishReason: 'length', warnings: [cut] }],
    ['GOOGLE', 'LANGUAGE', ['"STOP"', '"LANGUAGE"'], { finishReason: 'other', warnings: [notWhole('LANGUAGE')] }],
  ]
  async function serveEnding(protocol: Protocol, [from, to]: [string, string], deltas: string[]): Promise<void> {
    server = await startModelServer((response) => {
      const events = answerEvents(protocol, deltas)
      const last = events.findLastIndex((event) => event.includes(from))
      sendEvents(response, events.with(last, events[last]?.replace(from, to) ?? ''))
      response.end()
    })
  }

  test.each(endings)('%s: an answer that ends with %s is warned of where it is not whole', async (...ending) => {
    const [protocol, , change, expected] = ending
    await serveEnding(protocol, change, ['Half ', 'of'])
    expect(await callModel(modelRequest(protocol, server.url))).toMatchObject({ text: 'Half of', ...expected })
  })

  test.each(endings.filter(([, , , { finishReason }]) => finishReason === 'length'))(
    '%s: an output that ends with %s is invalid, and warned of as well',
    async (protocol, _reason, change) => {
      await serveEnding(protocol, change, ['{"a', '":'])
      const error = await failedCall(modelRequest(protocol, server.url, { responseSchema: { type: 'object' } }))
      expect(error).toMatchObject({ code: 'INVALID_OUTPUT', retryable: false, partial: { warnings: [cut] } })
      expect(error.message).toContain('cut off')
    },
  )
})
