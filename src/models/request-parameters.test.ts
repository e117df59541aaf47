import { describe, expect, test } from 'vitest'
import { placeParameters } from './request-parameters.ts'

describe('the settings that all models share', () => {
  test.each([
    ['temperature', 0.1, { temperature: 0.1 }],
    ['top_p', 0.2, { topP: 0.2 }],
    ['topP', 0.2, { topP: 0.2 }],
    ['max_tokens', 3, { maxOutputTokens: 3 }],
    ['max_completion_tokens', 3, { maxOutputTokens: 3 }],
    ['max_output_tokens', 3, { maxOutputTokens: 3 }],
    ['maxOutputTokens', 3, { maxOutputTokens: 3 }],
    ['stop', 'END', { stopSequences: ['END'] }],
    ['stop', ['A', 'B'], { stopSequences: ['A', 'B'] }],
    ['stopSequences', ['A'], { stopSequences: ['A'] }],
    ['seed', 4, { seed: 4 }],
    ['presence_penalty', 1, { presencePenalty: 1 }],
    ['frequencyPenalty', 1, { frequencyPenalty: 1 }],
    ['top_k', 5, { topK: 5 }],
  ])('%s', (name, value, settings) => {
    expect(placeParameters('OPENAI', { [name]: value })).toEqual({
      settings,
      providerOptions: {},
      body: {},
      isChat: false,
      warnings: [],
    })
  })
})

describe('options of a provider', () => {
  test('reasoning effort goes where each API of OpenAI wants it', () => {
    for (const parameters of [{ reasoning_effort: 'low' }, { reasoningEffort: 'low' }]) {
      expect(placeParameters('OPENAI', parameters).providerOptions).toEqual({ reasoningEffort: 'low' })
      expect(placeParameters('OPENAI', { ...parameters, api: 'chat' }).providerOptions).toEqual({
        reasoningEffort: 'low',
      })
    }
  })

  test('thinking in the words of the SDK is an option, in those of Anthropic it goes out as it is', () => {
    const sdk = { thinking: { type: 'enabled', budgetTokens: 1024 } }
    const own = { thinking: { type: 'enabled', budget_tokens: 1024 }, metadata: { user_id: 'u' }, service_tier: 'auto' }
    expect(placeParameters('ANTHROPIC', sdk)).toMatchObject({ providerOptions: sdk, body: {} })
    expect(placeParameters('ANTHROPIC', own)).toMatchObject({ providerOptions: {}, body: own })
  })

  test('the parameters of Gemini find their level', () => {
    const placed = placeParameters('GOOGLE', {
      thinking_config: { thinking_budget: 0 },
      response_logprobs: true,
      generationConfig: { logprobs: 3 },
      labels: { my_label: 'a' },
    })
    expect(placed.providerOptions).toEqual({ thinkingConfig: { thinkingBudget: 0 } })
    expect(placed.body).toEqual({
      generationConfig: { responseLogprobs: true, logprobs: 3 },
      labels: { my_label: 'a' },
    })
  })
})

test('what nobody knows goes into the body', () => {
  const parameters = { parallelToolCalls: false, logit_bias: { '50256': -100 }, metadata: { my_key: 'A b' } }
  const body = { parallel_tool_calls: false, logit_bias: { '50256': -100 }, metadata: { my_key: 'A b' } }
  expect(placeParameters('OPENAI', parameters).body).toEqual(body)
  expect(placeParameters('OPENAI_COMPATIBLE', { top_k: 4, min_p: 0.1 })).toMatchObject({
    body: { top_k: 4, min_p: 0.1 },
    settings: {},
  })
})

test('what would make another call of it is not sent, and it is said', () => {
  const placed = placeParameters('OPENAI', { model: 'other', stream: false, n: 3, seed: null })
  expect(placed).toMatchObject({ settings: {}, providerOptions: {}, body: {} })
  expect(placed.warnings).toHaveLength(3)
  expect(placeParameters('OPENAI', { n: 1 }).warnings).toEqual([])
})
