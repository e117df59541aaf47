import { calcPrice, waitForUpdate } from '@pydantic/genai-prices'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { costOf, type PricedCall } from './model-price.ts'
import type { OwnPrice } from './own-price.ts'
import { priceBookOf } from './price-book.ts'

const noPrices = priceBookOf([])

function callOf(call: Partial<PricedCall>): PricedCall {
  return {
    provider: 'openai',
    model: 'gpt-4o',
    at: new Date('2026-11-20T12:00:00Z'),
    inputTokens: null,
    outputTokens: null,
    cachedInputTokens: null,
    reasoningTokens: null,
    ...call,
  }
}

function publicCost(call: Partial<PricedCall>): string | null {
  return costOf(callOf(call), noPrices)
}

describe('public list prices', () => {
  test.each<[string, Partial<PricedCall>, string]>([
    ['input and output', { inputTokens: 1_000, outputTokens: 200 }, '0.0045'],
    ['cached input', { inputTokens: 1_000, outputTokens: 200, cachedInputTokens: 800 }, '0.0035'],
    ['a dated model', { model: 'gpt-4o-2024-08-06', inputTokens: 1, outputTokens: 1 }, '0.0000125'],
    ['only input known', { inputTokens: 1_000_000 }, '2.5'],
    ['only output known', { outputTokens: 1_000_000 }, '10'],
    ['nothing used', { inputTokens: 0, outputTokens: 0 }, '0'],
    ['more cached than there is input', { inputTokens: 10, cachedInputTokens: 1_000_000 }, '1.25'],
    [
      'Anthropic, from its cache',
      { provider: 'anthropic', model: 'claude-3-5-sonnet-20241022', inputTokens: 10_000, cachedInputTokens: 9_000 },
      '0.0057',
    ],
    [
      'reasoning, which is output',
      { model: 'o3-mini', inputTokens: 1_000, outputTokens: 2_000, reasoningTokens: 1_500 },
      '0.0099',
    ],
    [
      'reasoning at a price of its own, and searching',
      {
        provider: 'perplexity',
        model: 'sonar-deep-research',
        inputTokens: 0,
        outputTokens: 1_000,
        reasoningTokens: 400,
      },
      '0.006',
    ],
    [
      'a fee for each call',
      { provider: 'perplexity', model: 'sonar', inputTokens: 1_000, outputTokens: 100 },
      '0.0131',
    ],
    ['an embedding', { model: 'text-embedding-3-small', inputTokens: 3, outputTokens: 0 }, '0.00000006'],
    ['a model that is free', { provider: 'openrouter', model: 'qwen/qwq-32b:free', inputTokens: 10 }, '0'],
    ['two thousand million tokens', { inputTokens: 2_147_483_647, outputTokens: 2_147_483_647 }, '26843.5455875'],
  ])('%s', (_, call, cost) => {
    expect(publicCost(call)).toBe(cost)
  })

  test('a price holds at its time', () => {
    const call = { model: 'o3', inputTokens: 1_000_000 }
    expect(publicCost({ ...call, at: new Date('2025-06-09T23:59:59.999Z') })).toBe('10')
    expect(publicCost({ ...call, at: new Date('2025-06-10T00:00:00.000Z') })).toBe('2')
    expect(publicCost({ ...call, at: new Date('2025-06-09T23:59:59.999Z') })).toBe('10')
  })

  test('a price holds at its time of the day', () => {
    const call = { provider: 'deepseek', model: 'deepseek-reasoner', inputTokens: 1_000_000 }
    const at = (time: string) => publicCost({ ...call, at: new Date(`2026-11-20T${time}Z`) })
    expect(['00:29:59.999', '00:30:00.000', '16:29:59.999', '16:30:00.000'].map(at)).toEqual([
      '0.135',
      '0.55',
      '0.55',
      '0.135',
    ])
  })

  test('more input than a threshold costs more, all of it, and the output, too', () => {
    const call = { provider: 'google', model: 'gemini-2.5-pro', outputTokens: 1_000 }
    expect(publicCost({ ...call, inputTokens: 200_000 })).toBe('0.26')
    expect(publicCost({ ...call, inputTokens: 200_001 })).toBe('0.5150025')
    expect(publicCost({ ...call, inputTokens: 200_001, cachedInputTokens: 200_000 })).toBe('0.0650025')
  })

  test.each<[string, Partial<PricedCall>]>([
    ['no tokens', {}],
    ['only parts of tokens', { cachedInputTokens: 10, reasoningTokens: 10 }],
    ['no model', { model: null, inputTokens: 1 }],
    ['an empty model', { model: ' ', inputTokens: 1 }],
    ['an unknown model', { model: 'gpt-99', inputTokens: 1 }],
    ['an unknown model of no provider', { provider: null, model: 'llama3', inputTokens: 1 }],
    ['an unknown provider, which bills as it likes', { provider: 'my-proxy', inputTokens: 1 }],
    ['one that only speaks like another', { provider: 'openai-compatible', inputTokens: 1 }],
    ['a router that does not say whose model it is', { provider: 'litellm', inputTokens: 1 }],
    ["another provider's model", { model: 'claude-3-5-sonnet-20241022', inputTokens: 1 }],
    ['what is billed by the minute', { model: 'whisper-1', inputTokens: 1 }],
    ['what is billed by the minute, and nothing used', { model: 'whisper-1', inputTokens: 0 }],
    ['output that has no price', { model: 'text-embedding-3-small', inputTokens: 1, outputTokens: 1 }],
    ['what a subscription includes', { provider: 'github-copilot', model: 'gpt-4o', inputTokens: 1 }],
    ['a model name beyond all names', { model: `gpt-4o-${'x'.repeat(10_000)}`, inputTokens: 1 }],
    ['a provider name beyond all names', { provider: `openai${'x'.repeat(10_000)}`, inputTokens: 1 }],
  ])('%s: no cost is known', (_, call) => {
    expect(publicCost(call)).toBeNull()
  })

  test.each<[string | null, string]>([
    ['OpenAI', 'gpt-4o'],
    [' openai ', ' GPT-4o '],
    ['openai.responses', 'gpt-4o'],
    ['openai', 'openai/gpt-4o'],
    ['azure', 'gpt-4o'],
    ['azure_openai', 'gpt-4o'],
    ['azure.ai.inference', 'gpt-4o'],
    ['litellm', 'openai/gpt-4o'],
    ['openrouter.chat', 'openai/gpt-4o'],
    [null, 'gpt-4o'],
    ['', 'gpt-4o'],
    [null, 'openai/gpt-4o'],
    [null, 'azure/gpt-4o'],
  ])('gpt-4o of %j as %j', (provider, model) => {
    expect(publicCost({ provider, model, inputTokens: 1_000_000 })).toBe('2.5')
  })

  test.each<[string | null, string]>([
    ['anthropic.messages', 'claude-3-5-sonnet-20241022'],
    ['google_vertexai', 'claude-3-5-sonnet@20240620'],
    ['amazon-bedrock', 'us.anthropic.claude-3-5-sonnet-20241022-v2:0'],
    ['anthropic_bedrock', 'anthropic.claude-3-5-sonnet-20241022-v2:0'],
    [null, 'bedrock/anthropic.claude-3-5-sonnet-20241022-v2:0'],
    ['openrouter', 'anthropic/claude-3.5-sonnet'],
    [null, 'claude-3-5-sonnet-20241022'],
    ['xai.chat', 'grok-4'],
    [null, 'xai/grok-4'],
  ])('a model of 3 USD, of %j as %j', (provider, model) => {
    expect(publicCost({ provider, model, inputTokens: 1_000_000 })).toBe('3')
  })

  test('are reckoned as the list itself does, but exactly: every model, at any time, of any size', async () => {
    const providers = (await waitForUpdate()) ?? []
    const models = providers.flatMap(({ id, models }) => models.map((model) => ({ provider: id, model: model.id })))
    expect(models.length).toBeGreaterThan(1_000)
    const tokens = fc.integer({ min: 0, max: 1_000_000 })
    const days = { min: new Date('2024-01-01'), max: new Date('2028-01-01'), noInvalidDate: true }
    const use = fc.record({ at: fc.date(days), input: tokens, output: tokens, cached: tokens, reasoning: tokens })
    let priced = 0
    for (const { provider, model } of models) {
      fc.assert(
        fc.property(use, ({ at, ...use }) => {
          const cached = Math.min(use.cached, use.input)
          const reasoning = Math.min(use.reasoning, use.output)
          const counts = { inputTokens: use.input, outputTokens: use.output }
          const cost = publicCost({
            provider,
            model,
            at,
            ...counts,
            cachedInputTokens: cached,
            reasoningTokens: reasoning,
          })
          if (cost === null) return
          priced++
          const usage = {
            input_tokens: use.input,
            output_tokens: use.output,
            cache_read_tokens: cached,
            output_reasoning_tokens: reasoning,
          }
          const expected = calcPrice(usage, model, { providerId: provider, timestamp: at })?.total_price ?? Number.NaN
          expect(Math.abs(Number(cost) - expected)).toBeLessThanOrEqual(1e-12 + 1e-12 * expected)
        }),
        { numRuns: 5 },
      )
    }
    expect(priced).toBeGreaterThan(4 * models.length)
  })
})

describe("a tenant's own prices", () => {
  function own(price: Partial<OwnPrice> = {}): OwnPrice {
    return {
      provider: 'openai',
      model: 'gpt-4o',
      effectiveFrom: new Date('2026-11-01T00:00:00Z'),
      inputPerMillion: '1',
      outputPerMillion: '2',
      cachedInputPerMillion: null,
      ...price,
    }
  }

  function ownCost(prices: OwnPrice[], call: Partial<PricedCall> = {}): string | null {
    return costOf(callOf({ inputTokens: 1_000_000, ...call }), priceBookOf(prices))
  }

  test('go before the list, and price what it has never heard of', () => {
    expect(ownCost([own()], { outputTokens: 1_000_000 })).toBe('3')
    expect(ownCost([own()], { model: 'gpt-4o-mini' })).toBe('0.15')
    expect(ownCost([own()], { model: 'gpt-4o-2024-08-06' })).toBe('2.5')
    expect(
      ownCost([own({ provider: 'my-proxy', model: 'our-model' })], { provider: 'my-proxy', model: 'our-model' }),
    ).toBe('1')
    expect(ownCost([own({ inputPerMillion: '0', outputPerMillion: '0' })], { outputTokens: 5 })).toBe('0')
  })

  test('are exact, to the last digit', () => {
    const price = own({ inputPerMillion: '0.000000000001', outputPerMillion: '999999.999999999999' })
    expect(ownCost([price], { inputTokens: 1, outputTokens: 0 })).toBe('0.000000000000000001')
    expect(ownCost([price], { inputTokens: 1, outputTokens: 2_147_483_647 })).toBe('2147483646.999999997852516354')
  })

  test('price cached input by itself, or as input', () => {
    expect(ownCost([own()], { cachedInputTokens: 900_000 })).toBe('1')
    expect(ownCost([own({ cachedInputPerMillion: '0.1' })], { cachedInputTokens: 900_000 })).toBe('0.19')
    expect(ownCost([own({ cachedInputPerMillion: '0' })], { cachedInputTokens: 900_000 })).toBe('0.1')
  })

  test('hold from their moment to the next, and the first one before it, too', () => {
    const prices = [
      own({ effectiveFrom: new Date('2026-11-10T00:00:00Z'), inputPerMillion: '5' }),
      own({ inputPerMillion: '4' }),
      own({ effectiveFrom: new Date('2026-11-20T00:00:00Z'), inputPerMillion: '6' }),
    ]
    const at = (time: string) => ownCost(prices, { at: new Date(time) })
    expect(at('2020-01-01T00:00:00Z')).toBe('4')
    expect(at('2026-11-01T00:00:00.000Z')).toBe('4')
    expect(at('2026-11-09T23:59:59.999Z')).toBe('4')
    expect(at('2026-11-10T00:00:00.000Z')).toBe('5')
    expect(at('2030-01-01T00:00:00Z')).toBe('6')
  })

  test('are found in any case, and by the other names of a provider', () => {
    expect(ownCost([own({ provider: 'OpenAI', model: 'GPT-4o' })], { provider: 'openai ', model: ' gpt-4O' })).toBe('1')
    expect(ownCost([own()], { provider: 'openai.responses' })).toBe('1')
    const azure = [own({ provider: 'azure' }), own({ provider: 'azure_openai', inputPerMillion: '7' })]
    expect(ownCost(azure, { provider: 'azure_openai' })).toBe('7')
    expect(ownCost(azure, { provider: 'azure' })).toBe('1')
    expect(ownCost([own({ provider: 'openai-compatible', inputPerMillion: '7' })])).toBe('2.5')
  })

  test('are found without a provider where only one has the model', () => {
    const prices = [
      own({ provider: 'my-proxy' }),
      own({ provider: 'my-proxy', inputPerMillion: '9', effectiveFrom: new Date() }),
    ]
    const call = { provider: null, at: new Date('2026-11-02T00:00:00Z') }
    expect(ownCost(prices, call)).toBe('1')
    expect(ownCost([...prices, own({ provider: 'other' })], call)).toBe('2.5')
  })

  test('that hold now are listed by provider and model, once each', () => {
    const prices = [
      own({ provider: 'b', model: 'x' }),
      own({ provider: 'a', model: 'y' }),
      own({ provider: 'B', model: 'X', effectiveFrom: new Date('2026-11-02T00:00:00Z') }),
      own({ provider: 'a', model: 'x' }),
    ]
    const listed = priceBookOf(prices)
      .listCurrent()
      .map(({ provider, model }) => `${provider}/${model}`)
    expect(listed).toEqual(['a/x', 'a/y', 'B/X'])
  })
})
