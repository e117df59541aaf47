import { setTimeout } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import {
  answerEvents,
  beginAnswer,
  callModel,
  failedCall,
  jsonAnswer,
  type ModelServer,
  modelRequest,
  patient,
  protocols,
  sendEvents,
  startModelServer,
  wholeAnswer,
} from '../../test/harness/model-server.ts'
import { createModelGateway } from './model-gateway.ts'

let server: ModelServer

afterEach(() => server.close())

describe.each(protocols)('%s', (protocol) => {
  test('sends every parameter, whichever way it is written', async () => {
    server = await startModelServer(wholeAnswer(protocol))
    const parameters = { temperature: 0.25, top_p: 0.5, maxOutputTokens: 99, an_own_parameter: { is: ['kept'] } }
    const answer = await callModel(modelRequest(protocol, server.url, { parameters }))
    const { generationConfig, ...rest } = server.requests[0]?.body ?? {}
    const body = { ...rest, ...generationConfig }
    const one = (...names: string[]) => names.map((name) => body[name]).filter((value) => value !== undefined)
    expect(one('temperature')).toEqual([0.25])
    // Claude 4.5 takes one of the two only, and the SDK says so.
    if (protocol === 'ANTHROPIC') expect(answer.warnings.join()).toContain('topP')
    else expect(one('top_p', 'topP')).toEqual([0.5])
    expect(one('max_tokens', 'max_output_tokens', 'maxOutputTokens')).toEqual([99])
    expect(one('an_own_parameter', 'anOwnParameter')).toEqual([{ is: ['kept'] }])
    expect(answer.text).toBe('Hello you')
  })

  test('keeps what had come when the connection is cut', async () => {
    server = await startModelServer(async (response) => {
      beginAnswer(protocol, response)
      await setTimeout(50)
      response.destroy()
    })
    const error = await failedCall(modelRequest(protocol, server.url))
    expect(error).toMatchObject({ code: 'STREAM_BROKEN', retryable: true, partial: { text: 'Hello you' } })
  })

  test('takes an answer that has ended for whole, though the connection is cut after it', async () => {
    server = await startModelServer(async (response) => {
      sendEvents(response, answerEvents(protocol, ['Hello ', 'you']))
      await setTimeout(50)
      response.destroy()
    })
    expect(await callModel(modelRequest(protocol, server.url))).toMatchObject({
      text: 'Hello you',
      finishReason: 'stop',
    })
  })

  test('takes a stream that stops without an ending for broken', async () => {
    server = await startModelServer((response) => {
      beginAnswer(protocol, response)
      response.end()
    })
    const error = await failedCall(modelRequest(protocol, server.url))
    expect(error).toMatchObject({ code: 'STREAM_BROKEN', partial: { text: 'Hello you' } })
  })

  test('takes an empty stream for broken', async () => {
    server = await startModelServer((response) => {
      sendEvents(response, [])
      response.end()
    })
    expect(await failedCall(modelRequest(protocol, server.url))).toMatchObject({ code: 'STREAM_BROKEN' })
  })

  test.each(['before', 'after'])('gives up a provider that is silent %s the head', async (when) => {
    server = await startModelServer((response) => {
      if (when === 'after') {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.flushHeaders()
      }
    })
    const error = await failedCall(modelRequest(protocol, server.url), { firstByteMs: 100 })
    expect(error).toMatchObject({ code: 'FIRST_BYTE_TIMEOUT', retryable: true })
    await server.requests[0]?.closed
  })

  test('gives up an answer that takes too long, and keeps what there is', async () => {
    server = await startModelServer((response) => beginAnswer(protocol, response))
    const error = await failedCall(modelRequest(protocol, server.url), { totalMs: 700 })
    expect(error).toMatchObject({ code: 'TIMEOUT', retryable: true, partial: { text: 'Hello you' } })
    await server.requests[0]?.closed
  })

  test('closes the connection when it is canceled', async () => {
    server = await startModelServer((response) => beginAnswer(protocol, response))
    const canceler = new AbortController()
    let text = ''
    const promise = createModelGateway({ limits: patient }).call(modelRequest(protocol, server.url), {
      signal: canceler.signal,
      onText(delta) {
        text += delta
        if (text === 'Hello you') canceler.abort()
      },
    })
    await expect(promise).rejects.toMatchObject({ code: 'CANCELED', partial: { text: 'Hello you' } })
    await server.requests[0]?.closed
  })

  test('sends nothing when it was canceled before', async () => {
    server = await startModelServer(wholeAnswer(protocol))
    const error = await failedCall(modelRequest(protocol, server.url), {}, AbortSignal.abort())
    expect(error.code).toBe('CANCELED')
    expect(server.requests).toEqual([])
  })

  test('hides every secret in the words of the provider', async () => {
    const key = 'sk-secret-key-of-the-test'
    const message = `The key ${key} (Bearer ${key}, https://x.test/?key=abcdef123) is wrong: sk-proj-****wxyz. ${'x'.repeat(2000)}`
    server = await startModelServer(jsonAnswer(401, { error: { message, type: 'authentication_error' } }))
    const error = await failedCall(modelRequest(protocol, server.url))
    expect(error).toMatchObject({ code: 'UNAUTHORIZED', statusCode: 401 })
    expect(error.message).toContain('The key [secret] (Bearer [secret]')
    expect(error.message).not.toMatch(/secret-key|abcdef123|wxyz/)
    expect(error.message.length).toBeLessThanOrEqual(1000)
    expect(JSON.stringify(error)).not.toContain('secret-key')
    expect(error.cause).toBeUndefined()
  })

  test('follows no redirect', async () => {
    server = await startModelServer((response) => {
      response.writeHead(307, { location: `${server.url}/elsewhere` }).end()
    })
    expect(await failedCall(modelRequest(protocol, server.url))).toMatchObject({ code: 'FORBIDDEN_ADDRESS' })
    expect(server.requests).toHaveLength(1)
  })

  test('repeats the error that is no JSON', async () => {
    server = await startModelServer((response) => {
      response.writeHead(502).end('the gateway is down')
    })
    const error = await failedCall(modelRequest(protocol, server.url))
    expect(error).toMatchObject({ code: 'PROVIDER_ERROR', retryable: true, statusCode: 502 })
    expect(error.message).toContain('the gateway is down')
  })

  test('a provider that is not there', async () => {
    server = await startModelServer(wholeAnswer(protocol))
    const request = modelRequest(protocol, 'http://127.0.0.1:1')
    expect(await failedCall(request)).toMatchObject({ code: 'UNREACHABLE', retryable: true })
  })

  test('a tenant cannot reach a private address', async () => {
    server = await startModelServer(wholeAnswer(protocol))
    const request = modelRequest(protocol, server.url)
    let isSent = false
    const promise = createModelGateway({ limits: patient }).call(
      { ...request, provider: { ...request.provider, mayBePrivate: false } },
      { signal: new AbortController().signal, onText: () => {}, onSent: () => (isSent = true) },
    )
    await expect(promise).rejects.toMatchObject({ code: 'FORBIDDEN_ADDRESS', retryable: false })
    expect(isSent).toBe(false)
    expect(server.requests).toEqual([])
  })

  test('the error of a caller is left as it is', async () => {
    server = await startModelServer(wholeAnswer(protocol))
    const bug = new TypeError('a bug of the caller')
    const onText = () => {
      throw bug
    }
    const { signal } = new AbortController()
    await expect(
      createModelGateway({ limits: patient }).call(modelRequest(protocol, server.url), { signal, onText }),
    ).rejects.toBe(bug)
  })
})

test('a model that thinks long after its first byte is not given up', async () => {
  server = await startModelServer(async (response) => {
    const [first, ...rest] = answerEvents('OPENAI', ['Hello ', 'you']) as [string, ...string[]]
    sendEvents(response, [first])
    await setTimeout(1_500)
    for (const event of rest) response.write(event)
    response.end()
  })
  expect((await callModel(modelRequest('OPENAI', server.url), { firstByteMs: 1_000 })).text).toBe('Hello you')
})
