import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  callModel,
  failedCall,
  type ModelServer,
  modelRequest,
  type Protocol,
  patient,
  startModelServer,
  wholeAnswer,
} from '../../test/harness/model-server.ts'
import type { ModelRequest } from './model-call.ts'
import { createModelGateway } from './model-gateway.ts'

let server: ModelServer

afterEach(async () => {
  vi.unstubAllEnvs()
  await server.close()
})

describe('usage', () => {
  test.each([
    [
      'OPENAI',
      {
        input_tokens: 30,
        input_tokens_details: { cached_tokens: 10 },
        output_tokens: 20,
        output_tokens_details: { reasoning_tokens: 5 },
      },
    ],
    [
      'OPENAI_CHAT',
      {
        prompt_tokens: 30,
        prompt_tokens_details: { cached_tokens: 10 },
        completion_tokens: 20,
        completion_tokens_details: { reasoning_tokens: 5 },
      },
    ],
    [
      'OPENAI_COMPATIBLE',
      {
        prompt_tokens: 30,
        prompt_tokens_details: { cached_tokens: 10 },
        completion_tokens: 20,
        completion_tokens_details: { reasoning_tokens: 5 },
      },
    ],
    [
      'ANTHROPIC',
      {
        input_tokens: 15,
        cache_read_input_tokens: 10,
        cache_creation_input_tokens: 5,
        output_tokens: 20,
        output_tokens_details: { thinking_tokens: 5 },
      },
    ],
    [
      'GOOGLE',
      {
        promptTokenCount: 30,
        cachedContentTokenCount: 10,
        candidatesTokenCount: 15,
        thoughtsTokenCount: 5,
        totalTokenCount: 50,
      },
    ],
  ] as const)('of %s has cached and reasoning tokens within the totals', async (protocol, usage) => {
    server = await startModelServer(wholeAnswer(protocol, usage))
    expect(await callModel(modelRequest(protocol, server.url))).toMatchObject({
      inputTokens: 30,
      outputTokens: 20,
      totalTokens: 50,
      cachedInputTokens: 10,
      reasoningTokens: 5,
    })
  })

  test('is null where there is none', async () => {
    server = await startModelServer(wholeAnswer('OPENAI_COMPATIBLE'))
    const nothing = {
      inputTokens: null,
      outputTokens: null,
      totalTokens: null,
      cachedInputTokens: null,
      reasoningTokens: null,
    }
    expect(await callModel(modelRequest('OPENAI_COMPATIBLE', server.url))).toMatchObject(nothing)
  })
})

describe('what arrives at the provider', () => {
  async function bodyOf(protocol: Protocol, changes: Partial<ModelRequest>) {
    server = await startModelServer(wholeAnswer(protocol))
    // The answer is no JSON and calls nothing: only the request is looked at.
    await callModel(modelRequest(protocol, server.url, changes)).catch((error) =>
      expect(error.code).toBe('INVALID_OUTPUT'),
    )
    return server.requests[0]?.body
  }

  const open = { type: 'object', properties: { a: { type: 'string' } } }
  const closed = { ...open, required: ['a'], additionalProperties: false }

  test.each([
    [open, false],
    [closed, true],
  ])('the response schema %j, strict or not', async (responseSchema, strict) => {
    const format = { type: 'json_schema', strict, schema: responseSchema }
    expect((await bodyOf('OPENAI', { responseSchema })).text.format).toMatchObject(format)
    await server.close()
    const chat = { type: 'json_schema', json_schema: { strict, schema: responseSchema } }
    expect((await bodyOf('OPENAI_CHAT', { responseSchema })).response_format).toMatchObject(chat)
    await server.close()
    expect((await bodyOf('OPENAI_COMPATIBLE', { responseSchema })).response_format).toMatchObject(chat)
    await server.close()
    const { generationConfig } = await bodyOf('GOOGLE', { responseSchema })
    expect(generationConfig).toMatchObject({ responseMimeType: 'application/json', responseSchema: open })
    await server.close()
    expect((await bodyOf('ANTHROPIC', { responseSchema })).output_config.format).toMatchObject({ type: 'json_schema' })
  })

  test.each<[Protocol, Partial<ModelRequest>, object]>([
    ['OPENAI', { model: 'o4-mini', parameters: { reasoning_effort: 'low' } }, { reasoning: { effort: 'low' } }],
    ['OPENAI', { model: 'o4-mini', parameters: { reasoning: { effort: 'low' } } }, { reasoning: { effort: 'low' } }],
    [
      'OPENAI_CHAT',
      { model: 'o4-mini', parameters: { api: 'chat', reasoningEffort: 'low', max_tokens: 9 } },
      { reasoning_effort: 'low', max_completion_tokens: 9 },
    ],
    [
      'OPENAI_CHAT',
      { parameters: { api: 'chat', logprobs: true, top_logprobs: 3 } },
      { logprobs: true, top_logprobs: 3 },
    ],
    ['OPENAI_COMPATIBLE', { parameters: { reasoning_effort: 'low', top_k: 4 } }, { reasoning_effort: 'low', top_k: 4 }],
    [
      'ANTHROPIC',
      { parameters: { max_tokens: 2048, thinking: { type: 'enabled', budget_tokens: 1024 } } },
      { max_tokens: 2048, thinking: { type: 'enabled', budget_tokens: 1024 } },
    ],
    [
      'ANTHROPIC',
      { parameters: { thinking: { type: 'enabled', budgetTokens: 1024 } } },
      { thinking: { type: 'enabled', budget_tokens: 1024 } },
    ],
    [
      'GOOGLE',
      { parameters: { thinkingConfig: { thinkingBudget: 5 }, topK: 4 } },
      { generationConfig: { thinkingConfig: { thinkingBudget: 5 }, topK: 4 } },
    ],
  ])('%s with %j', async (protocol, changes, expected) => {
    expect(await bodyOf(protocol, changes)).toMatchObject(expected)
  })

  test.each<[Protocol, object]>([
    ['OPENAI', { tools: [{ type: 'function', name: 'look' }], tool_choice: { type: 'function', name: 'look' } }],
    ['OPENAI_CHAT', { tools: [{ function: { name: 'look' } }], tool_choice: { function: { name: 'look' } } }],
    ['OPENAI_COMPATIBLE', { tools: [{ function: { name: 'look' } }], tool_choice: { function: { name: 'look' } } }],
    ['ANTHROPIC', { tools: [{ name: 'look' }], tool_choice: { type: 'tool', name: 'look' } }],
    ['GOOGLE', { toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['look'] } } }],
  ])('the tool that %s must call', async (protocol, expected) => {
    const tools = [{ type: 'function', function: { name: 'look', parameters: { type: 'object', properties: {} } } }]
    const toolChoice = { type: 'function', function: { name: 'look' } }
    expect(await bodyOf(protocol, { tools, toolChoice })).toMatchObject(expected)
  })

  test('what OpenAI leaves out is said', async () => {
    server = await startModelServer(wholeAnswer('OPENAI'))
    const answer = await callModel(modelRequest('OPENAI', server.url, { parameters: { seed: 7, n: 2 } }))
    expect(answer.warnings.join()).toMatch(/"n" was not sent.*"seed" is not supported/)
  })

  test('it is said once, just before', async () => {
    server = await startModelServer(wholeAnswer('OPENAI'))
    const { signal } = new AbortController()
    const seen: string[] = []
    await createModelGateway({ limits: patient }).call(modelRequest('OPENAI', server.url), {
      signal,
      onText: () => seen.push('text'),
      onSent: () => seen.push(`sent, ${server.requests.length} arrived`),
    })
    expect(seen).toEqual(['sent, 0 arrived', 'text', 'text'])
  })
})

describe('what is refused before anything is sent', () => {
  test.each<[Protocol, object, string]>([
    ['OPENAI', { apiKey: null }, 'has no key'],
    ['ANTHROPIC', { apiKey: null }, 'has no key'],
    ['GOOGLE', { apiKey: null }, 'has no key'],
    ['OPENAI', { apiKey: 'two\nlines' }, 'characters'],
    ['OPENAI_COMPATIBLE', { baseUrl: null }, 'has no base URL'],
    ['OPENAI_COMPATIBLE', { baseUrl: 'nowhere' }, 'has a base URL that is none'],
  ])('%s with %j, whatever the environment holds', async (protocol, changes, problem) => {
    server = await startModelServer(wholeAnswer(protocol))
    for (const name of ['OPENAI', 'ANTHROPIC', 'GOOGLE_GENERATIVE_AI']) {
      vi.stubEnv(`${name}_API_KEY`, 'the-key-of-the-operator')
      vi.stubEnv(`${name}_BASE_URL`, server.url)
    }
    const request = modelRequest(protocol, server.url)
    const error = await failedCall({ ...request, provider: { ...request.provider, ...changes } })
    expect(error).toMatchObject({ code: 'PROVIDER_NOT_CONFIGURED', retryable: false })
    expect(error.message).toContain(problem)
    expect(server.requests).toEqual([])
  })

  test('a compatible server needs no key, and gets none of the environment', async () => {
    vi.stubEnv('OPENAI_API_KEY', 'the-key-of-the-operator')
    server = await startModelServer(wholeAnswer('OPENAI_COMPATIBLE'))
    const request = modelRequest('OPENAI_COMPATIBLE', server.url)
    await callModel({ ...request, provider: { ...request.provider, apiKey: null } })
    expect(server.requests[0]?.headers.authorization).toBeUndefined()
  })

  test.each<[string, Partial<ModelRequest>]>([
    ['UNKNOWN_MODEL', { model: '' }],
    ['UNKNOWN_MODEL', { model: '../../v1/files?' }],
    ['BAD_REQUEST', { messages: [] }],
    ['BAD_REQUEST', { messages: [{ role: 'alien', content: '' }] }],
    ['BAD_REQUEST', { parameters: { temperature: 'hot' } }],
    ['BAD_REQUEST', { parameters: { reasoning_effort: 5 } }],
    ['BAD_REQUEST', { tools: 'all' }],
    ['BAD_REQUEST', { toolChoice: 'sometimes' }],
    ['BAD_REQUEST', { responseSchema: 'json' }],
  ])('%s: %j', async (code, changes) => {
    server = await startModelServer(wholeAnswer('GOOGLE'))
    const protocol = JSON.stringify(changes).includes('effort') ? 'OPENAI' : 'GOOGLE'
    expect(await failedCall(modelRequest(protocol, server.url, changes))).toMatchObject({ code, retryable: false })
    expect(server.requests).toEqual([])
  })
})
