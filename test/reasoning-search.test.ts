import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DeleteReasoningDocument, SearchReasoningDocument, type StoreReasoningInput } from './generated/documents.ts'
import { type EncoderServer, startEncoderServer } from './harness/encoder-server.ts'
import type { GraphQLClient } from './harness/graphql-client.ts'
import { readMetric } from './harness/metrics.ts'
import { storeReasoning } from './harness/reasoning.ts'
import { makeTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'
import { until } from './harness/until.ts'

const lessons: Record<string, Partial<StoreReasoningInput>> = {
  parcel: {
    decision: { type: 'DECISION', summary: 'Send the goods again' },
    reasoning: { observations: ['The glass was shattered on the way'], conclusion: 'Damage in transit is ours.' },
    agent: 'desk',
    tags: ['goods'],
  },
  socket: {
    decision: { type: 'TOOL_CALL', summary: 'Retry the payment call with ECONNRESET-7731' },
    reasoning: { observations: ['The peer closed the connection'], conclusion: 'Retry once, then give up.' },
    agent: 'billing',
  },
  holiday: {
    decision: { type: 'PLAN', summary: 'Book the hotel by the sea' },
    reasoning: { observations: ['They asked for a beach'], conclusion: 'Lisbon in May.' },
    agent: 'travel',
  },
}

async function storeLessons(client: GraphQLClient): Promise<void> {
  for (const [id, lesson] of Object.entries(lessons)) await storeReasoning(client, { ...lesson, id })
}

async function found(client: GraphQLClient, query: string, more: object = {}): Promise<string[]> {
  const { searchReasoning } = await client.ask(SearchReasoningDocument, { query, ...more })
  const scores = searchReasoning.map(({ score }) => score)
  expect(scores.every((score) => score > 0 && score <= 1)).toBe(true)
  expect(scores).toEqual(scores.toSorted((one, other) => other - one))
  return searchReasoning.map(({ trace }) => trace.id)
}

describe('a search', () => {
  let app: TestApp

  beforeAll(async () => {
    app = await startTestApp({ workers: true })
  })
  afterAll(() => app.close())

  test('finds by words at once, and by meaning a moment later, without any setting', async () => {
    const { client } = await makeTenant(app)
    await storeLessons(client)
    expect((await found(client, 'ECONNRESET-7731'))[0]).toBe('socket')
    expect((await found(client, 'glass'))[0]).toBe('parcel')
    // No word of it stands in what was stored.
    const question = 'the vase came broken, what now?'
    await until(async () => (await found(client, question))[0] === 'parcel')
    await until(async () => (await found(client, 'where should we go on vacation'))[0] === 'holiday')
    await app.drain()
    const bestOf = async (query: string) =>
      (await client.ask(SearchReasoningDocument, { query, limit: 1 })).searchReasoning[0]?.likeness
    expect(await bestOf(question)).toBeGreaterThan(0.35)
    expect(await bestOf('who painted the Mona Lisa')).toBeLessThan(0.35)
    expect(await readMetric(app.url, 'tracemend_reasoning_backlog')).toBe(0)
    expect(await found(client, question, { limit: 1 })).toEqual(['parcel'])
    expect(await found(client, question, { filter: { agent: 'travel' } })).toEqual(['holiday'])
    expect(await found(client, question, { filter: { tag: 'goods' } })).toEqual(['parcel'])
    expect(await found(client, question, { filter: { decisionType: ['PLAN', 'TOOL_CALL'] } })).toHaveLength(2)
    expect(await found(client, 'ECONNRESET-7731', { filter: { agent: 'nobody' } })).toEqual([])
  })

  test('finds nothing of another tenant, and nothing that was deleted', async () => {
    const [owner, stranger] = [await makeTenant(app), await makeTenant(app)]
    await storeLessons(owner.client)
    await app.drain()
    const question = 'the vase came broken, what now?'
    expect(await found(stranger.client, question)).toEqual([])
    expect(await found(stranger.client, 'shattered glass')).toEqual([])
    expect(await found(owner.client, question)).toHaveLength(3)
    await owner.client.ask(DeleteReasoningDocument, { id: 'parcel' })
    expect(await found(owner.client, question)).not.toContain('parcel')
    expect(await found(owner.client, 'shattered glass')).not.toContain('parcel')
  })

  test.each([
    ['query', { query: ' \n' }],
    ['query', { query: 'x'.repeat(2_001) }],
    ['limit', { query: 'x', limit: 0 }],
    ['limit', { query: 'x', limit: 101 }],
    ['filter.agent', { query: 'x', filter: { agent: 'x'.repeat(1_001) } }],
  ])('is refused where its %s is wrong', async (field, variables) => {
    const { extensions } = await app.client().refusal(SearchReasoningDocument, variables)
    expect(extensions).toMatchObject({ code: 'INVALID_INPUT', field })
  })

  test.each(["'", '&|!():*<->', '\\', '""', '🙂', 'the of and', '%_', '\ud800\0'])(
    'that is hostile or empty of sense is answered: %j',
    async (query) => {
      await expect(found(app.client(), query)).resolves.toBeInstanceOf(Array)
    },
  )

  test('for as long a word as may be is answered', async () => {
    await expect(found(app.client(), 'x'.repeat(2_000))).resolves.toBeInstanceOf(Array)
  })
})

describe('with an encoder of the operator', () => {
  let app: TestApp
  let server: EncoderServer

  beforeAll(async () => {
    server = await startEncoderServer()
    const embeddings = { baseUrl: server.url, model: 'small', apiKey: 'sk-embeddings' }
    app = await startTestApp({ workers: true, config: { embeddings } })
  })
  afterAll(async () => {
    // Its connections are kept open for the next question.
    await server.close()
    await app.close()
  })

  test('it is asked, and where it is away words still answer', async () => {
    const { client } = await makeTenant(app)
    await storeLessons(client)
    await until(async () => (await readMetric(app.url, 'tracemend_reasoning_backlog')) === 0)
    expect((await found(client, 'can one swim there these days'))[0]).toBe('holiday')
    expect(server.requests.length).toBeGreaterThan(0)
    server.manner = 'refuses'
    expect(await found(client, 'glass on the way')).toEqual(['parcel'])
    await storeReasoning(client, { id: 'late', agent: 'zebra' })
    const { searchReasoning } = await client.ask(SearchReasoningDocument, { query: 'zebra' })
    expect(searchReasoning.map(({ trace, foundBy, likeness }) => [trace.id, foundBy, likeness])).toEqual([
      ['late', ['WORDS'], null],
    ])
    expect(JSON.stringify(app.log.lines)).not.toContain('sk-embeddings')
  })
})
