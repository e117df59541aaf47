import { afterEach, describe, expect, test } from 'vitest'
import {
  answerEvents,
  beginAnswer,
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
    ['GOOGLE', 429, google(429, 'Quota', [{ retryDelay: '34.07s' }]), { code: 'RATE_LIMITED', retryAfterSeconds: 35 }],
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
    expect((await failedCall(modelRequest('OPENAI', server.url))).retryAfterSeconds).toBe(seconds)
  })
})
