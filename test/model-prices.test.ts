import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ModelPriceInput, ModelsDocument, SetModelPriceDocument } from './generated/documents.ts'
import type { GraphQLClient } from './harness/graphql-client.ts'
import { makeKey, makeTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'
import { until } from './harness/until.ts'

describe('model prices', () => {
  let app: TestApp
  let other: TestApp

  beforeAll(async () => {
    app = await startTestApp()
    other = await startTestApp({ backend: app.backend })
  })
  afterAll(async () => {
    await other.close()
    await app.close()
  })

  const input = { provider: 'my-proxy', model: 'our-model', inputPerMillion: '2.5', outputPerMillion: '10' }

  async function set(client: GraphQLClient, change: Partial<ModelPriceInput> = {}) {
    return (await client.ask(SetModelPriceDocument, { input: { ...input, ...change } })).setModelPrice
  }

  async function listed(client: GraphQLClient) {
    return (await client.ask(ModelsDocument)).models
  }

  /** What ingest would store for a million tokens in and out, of which 100,000 came from a cache. */
  async function costIn({ services }: TestApp, tenantId: string, { provider, model } = input) {
    const counts = {
      inputTokens: 1_000_000,
      outputTokens: 1_000_000,
      cachedInputTokens: 100_000,
      reasoningTokens: null,
    }
    const [cost] = await services.modelPrices.computeCosts(tenantId, [{ provider, model, at: new Date(), ...counts }])
    return cost
  }

  test('a price is set, in force at once, and listed', async () => {
    const { id, client } = await makeTenant(app)
    expect(await listed(client)).toEqual([])
    expect(await costIn(app, id)).toBeNull()
    const before = Date.now()
    const model = await set(client, { provider: ' my-proxy ', cachedInputPerMillion: '0.250' })
    expect(model).toEqual({
      provider: 'my-proxy',
      name: 'our-model',
      price: {
        inputPerMillion: '2.5',
        outputPerMillion: '10',
        cachedInputPerMillion: '0.25',
        source: 'tenant',
        effectiveFrom: expect.any(String),
      },
    })
    expect(Date.parse(String(model.price?.effectiveFrom))).toBeGreaterThanOrEqual(before)
    expect(await listed(client)).toEqual([model])
    expect(await costIn(app, id)).toBe('12.275')
  })

  test('a later price takes its place; other models keep theirs', async () => {
    const { id, client } = await makeTenant(app)
    await set(client, { cachedInputPerMillion: '1' })
    const another = await set(client, { model: 'another-model' })
    const later = await set(client, { provider: 'My-Proxy', inputPerMillion: '3.000' })
    expect(later.price).toMatchObject({ inputPerMillion: '3', cachedInputPerMillion: null })
    expect(await listed(client)).toEqual([another, later])
    expect(await costIn(app, id)).toBe('13')
  })

  test('set many times at once, the price is one of them, and every process comes to the same', async () => {
    const { id, client } = await makeTenant(app)
    const prices = Array.from({ length: 10 }, (_, i) => String(i + 1))
    await Promise.all(prices.map((inputPerMillion) => set(client, { inputPerMillion, outputPerMillion: '0' })))
    const [model, ...more] = await listed(client)
    expect(more).toEqual([])
    expect(prices).toContain(model?.price?.inputPerMillion)
    expect(await costIn(app, id)).toBe(model?.price?.inputPerMillion)
    expect(await costIn(other, id)).toBe(model?.price?.inputPerMillion)
  })

  test('another process prices by it as soon as it hears of it', async () => {
    const { id, client } = await makeTenant(app)
    expect(await costIn(other, id)).toBeNull()
    await set(client)
    await until(async () => (await costIn(other, id)) === '12.5')
  })

  test('a number is taken as a decimal, and every digit of a text is kept', async () => {
    const { client } = await makeTenant(app)
    const model = await set(client, { inputPerMillion: 0.1, outputPerMillion: '1e-7', cachedInputPerMillion: 0 })
    expect(model.price).toMatchObject({
      inputPerMillion: '0.1',
      outputPerMillion: '0.0000001',
      cachedInputPerMillion: '0',
    })
    const longest = { inputPerMillion: '999999.999999999999', outputPerMillion: '1000000' }
    expect((await set(client, longest)).price).toMatchObject(longest)
    expect((await listed(client))[0]?.price).toMatchObject(longest)
  })

  test('goes before the list price, of the tenant alone', async () => {
    const { id, client } = await makeTenant(app)
    const stranger = await makeTenant(app)
    const openai = { provider: 'openai', model: 'gpt-4o' }
    expect(await costIn(app, id, { ...input, ...openai })).toBe('12.375')
    await set(client, { ...openai, inputPerMillion: '0', outputPerMillion: '1' })
    expect(await costIn(app, id, { ...input, ...openai })).toBe('1')
    expect(await costIn(app, stranger.id, { ...input, ...openai })).toBe('12.375')
    expect(await listed(stranger.client)).toEqual([])
  })

  test.each<[string, Partial<Record<keyof ModelPriceInput, unknown>>]>([
    ['input.provider', { provider: '' }],
    ['input.provider', { provider: ' \t' }],
    ['input.provider', { provider: 'p'.repeat(201) }],
    ['input.provider', { provider: 'a\0' }],
    ['input.model', { model: '' }],
    ['input.model', { model: 'm'.repeat(201) }],
    ['input.model', { model: 'a\nb' }],
    ['input.model', { model: '\ud800' }],
    ['input.inputPerMillion', { inputPerMillion: '-0.01' }],
    ['input.inputPerMillion', { inputPerMillion: '1000000.000000000001' }],
    ['input.inputPerMillion', { inputPerMillion: '0.0000000000001' }],
    ['input.inputPerMillion', { inputPerMillion: 'much' }],
    ['input.inputPerMillion', { inputPerMillion: null }],
    ['input.outputPerMillion', { outputPerMillion: -1 }],
    ['input.outputPerMillion', { outputPerMillion: '1e9' }],
    ['input.cachedInputPerMillion', { cachedInputPerMillion: '-1' }],
    ['input.cachedInputPerMillion', { cachedInputPerMillion: true }],
  ])('an invalid value is refused by its name, and nothing is stored: %s of %j', async (field, wrong) => {
    const { client } = await makeTenant(app)
    const variables = { input: { ...input, ...wrong } as ModelPriceInput }
    const { message, extensions } = await client.refusal(SetModelPriceDocument, variables)
    expect(extensions).toMatchObject({ code: 'INVALID_INPUT', field })
    expect(message.length).toBeLessThan(500)
    expect(await listed(client)).toEqual([])
  })

  test('ADMIN sets and READ lists, and neither does what the other may', async () => {
    const { client } = await makeTenant(app)
    const admin = app.client((await makeKey(client, { scopes: ['ADMIN'] })).secret)
    const reader = app.client((await makeKey(client, { scopes: ['READ'] })).secret)
    const model = await set(admin)
    expect(await listed(reader)).toEqual([model])
    expect((await admin.refusal(ModelsDocument)).extensions.code).toBe('FORBIDDEN')
    expect((await reader.refusal(SetModelPriceDocument, { input })).extensions.code).toBe('FORBIDDEN')
  })
})
