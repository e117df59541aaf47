import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  CountTracesDocument,
  type TraceFilter,
  TraceIdsDocument,
  type TraceIdsQueryVariables,
  type TraceInput,
  TracesDocument,
} from './generated/documents.ts'
import { headersOf } from './harness/graphql-client.ts'
import { ingest, llmSpan } from './harness/ingest.ts'
import { naming, recordStatements } from './harness/statements.ts'
import { makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'

let app: TestApp
let tenant: TestTenant
let other: TestTenant

const full: TraceInput = {
  id: 'full',
  agent: 'support',
  name: 'Ticket №7: Straße nach Köln',
  promptName: 'greeting/東京',
  etag: 'e1',
  status: 'FAILED',
  success: false,
  outcome: 'gave up',
  startedAt: '2026-11-20T10:00:00.000Z',
  durationMs: 1_500.5,
  model: 'gpt-4o-mini',
  provider: 'openai',
  totalTokens: 300,
  cost: '0.0045',
  tags: ['alpha', 'βήτα', '💥'],
  metadata: { env: 'prod', nested: { list: [1, 'two', null], deep: { yes: true } } },
  conversationId: 'c1',
  runId: 'r1',
  userId: 'u1',
  messages: [{ role: 'user', content: 'Where is my parcel?' }],
  output: 'それは東京駅にあります。',
  spans: [
    llmSpan('1', { input: '我想去北京大学', output: 'ฉันรักภาษาไทย' }),
    llmSpan('2', { input: { question: 'مرحبا بالعالم' }, output: 'Ошибка сервера' }),
  ],
}

beforeAll(async () => {
  app = await startTestApp({ workers: true })
  tenant = await makeTenant(app)
  other = await makeTenant(app)
  await ingest(
    tenant.client,
    full,
    { id: 'bare', startedAt: '2026-11-19T10:00:00.000Z' },
    {
      id: 'rest',
      startedAt: '2026-11-18T10:00:00.000Z',
      agent: 'writer',
      status: 'COMPLETED',
      durationMs: 7,
      cost: '1',
      totalTokens: 9,
      tags: ['alpha'],
      metadata: { env: 'test' },
      model: 'claude',
      name: 'a draft',
    },
  )
  await ingest(other.client, { ...full, id: 'theirs' })
  await app.drain()
})
afterAll(async () => {
  expect(app.log.lines.filter(({ level }) => level >= 50)).toEqual([])
  await app.close()
})

async function list(filter: TraceFilter, more: TraceIdsQueryVariables = {}, { client } = tenant): Promise<string[]> {
  const { traces } = await client.ask(TraceIdsDocument, { filter, ...more })
  return traces.nodes.map(({ id }) => id)
}

const alone: [filter: TraceFilter, not: TraceFilter][] = [
  [{ ids: ['full', 'theirs', ''] }, { ids: ['theirs'] }],
  [{ agents: ['nobody', 'support'] }, { agents: ['Support'] }],
  [{ status: ['FAILED', 'TIMED_OUT'] }, { status: ['TIMED_OUT'] }],
  [{ success: false }, { success: true }],
  [{ outcome: 'gave up' }, { outcome: 'gave' }],
  [{ promptName: 'greeting/東京' }, { promptName: 'greeting' }],
  [{ etag: 'e1' }, { etag: 'E1' }],
  [{ model: 'gpt-4o-mini' }, { model: 'gpt-4o' }],
  [{ provider: 'openai' }, { provider: '' }],
  [{ tagsAll: ['💥', 'alpha'] }, { tagsAll: ['alpha', 'beta'] }],
  [{ tagsAny: ['beta', 'βήτα'] }, { tagsAny: [] }],
  [{ conversationId: 'c1' }, { conversationId: 'c' }],
  [{ runId: 'r1' }, { runId: 'c1' }],
  [{ userId: 'u1' }, { userId: 'U1' }],
  [{ startedAt: { gte: '2026-11-20T11:00:00.000+01:00' } }, { startedAt: { gte: '2026-11-20T10:00:00.001Z' } }],
  [
    { startedAt: { gte: '2026-11-20T00:00:00Z', lt: '2026-11-20T10:00:00.001Z' } },
    { startedAt: { gte: '2026-11-19T10:00:00.001Z', lt: '2026-11-20T10:00:00Z' } },
  ],
  [{ durationMs: { gte: 1_500.5 } }, { durationMs: { gte: 8, lt: 1_500.5 } }],
  [{ cost: { gte: '0.0045', lt: '0.0046' } }, { cost: { lt: '0.0045' } }],
  [{ totalTokens: { gte: 300, lt: 301 } }, { totalTokens: { gte: 301 } }],
  [{ metadata: { env: 'prod' } }, { metadata: { env: 'Prod' } }],
  [{ metadata: { nested: { list: ['two'], deep: {} } } }, { metadata: { nested: { list: [2] } } }],
  [{ metadata: { nested: { list: [null, 1, 1] } } }, { metadata: { nested: { deep: { yes: 'true' } } } }],
]

describe('a filter', () => {
  test.each(alone)('%j finds its trace, and %j nothing', async (filter, not) => {
    expect(await list(filter)).toEqual(['full'])
    expect(await list(not)).toEqual([])
    const rest = await list({ not: filter })
    expect(rest).toEqual(['bare', 'rest'])
    expect(await list({ not })).toEqual(['full', 'bare', 'rest'])
    expect(await list({ or: [not, filter] })).toEqual(['full'])
    expect(await list({ and: [{ not }, filter, {}] })).toEqual(['full'])
    expect((await tenant.client.ask(CountTracesDocument, { filter: { not: filter } })).traces.totalCount).toBe(2)
    // What another tenant has of the same kind is theirs alone.
    if (!filter.ids) expect(await list(filter, {}, other)).toEqual(['theirs'])
  })

  test('of nothing finds everything; nothing at all of an empty list', async () => {
    const all = ['full', 'bare', 'rest']
    const everything: TraceFilter[] = [
      {},
      { and: [] },
      { tagsAll: [] },
      { metadata: {}, ids: all },
      { startedAt: {} },
      { not: { or: [] } },
    ]
    for (const filter of [...everything.slice(0, 3), ...everything.slice(4)]) expect(await list(filter)).toEqual(all)
    expect(await list({ metadata: {} })).toEqual(['full', 'rest'])
    const nothing: TraceFilter[] = [
      { or: [] },
      { ids: [] },
      { agents: [] },
      { status: [] },
      { tagsAny: [] },
      { not: {} },
    ]
    for (const filter of nothing) expect(await list(filter)).toEqual([])
    expect(await list({ model: null, and: null, or: null, not: null, ids: null, search: null })).toEqual(all)
  })

  test('is made of others, as deep and as many as they may be', async () => {
    const either = {
      or: [{ agents: ['writer'] }, { and: [{ status: ['FAILED' as const] }, { not: { tagsAny: ['x'] } }] }],
    }
    expect(await list(either)).toEqual(['full', 'rest'])
    expect(await list({ not: either })).toEqual(['bare'])
    expect(await list({ ...either, model: 'claude' })).toEqual(['rest'])
    const deep = (levels: number): TraceFilter => (levels === 0 ? { ids: ['full'] } : { not: deep(levels - 1) })
    expect(await list(deep(10))).toEqual(['full'])
    expect(await list({ or: Array.from({ length: 99 }, () => ({ search: 'parcel' })) })).toEqual(['full'])
  })

  const long = 'x'.repeat(1_001)
  test.each<[field: string, filter: unknown]>([
    ['filter.and[0].search', { and: [{ search: '' }] }],
    ['filter.search', { search: 'x'.repeat(201) }],
    ['filter.search', { search: 'a b c d e f g h i j k' }],
    ['filter.or[1].not.userId', { or: [{}, { not: { userId: long } }] }],
    ['filter.ids[1]', { ids: ['', long] }],
    ['filter.tagsAll', { tagsAll: Array(1_001).fill('a') }],
    ['filter.metadata', { metadata: [] }],
    ['filter.metadata', { metadata: 'text' }],
    ['filter.metadata.a[0]', { metadata: { a: [long] } }],
    [`filter${'.not'.repeat(11)}`, JSON.parse(`${'{"not":'.repeat(11)}{}${'}'.repeat(11)}`)],
    ['filter.or[99]', { or: Array(100).fill({}) }],
  ])('is refused at %s where it goes beyond its bounds', async (field, filter) => {
    const given = { filter: filter as TraceFilter }
    for (const { extensions } of [
      await tenant.client.refusal(TraceIdsDocument, given),
      await tenant.client.refusal(CountTracesDocument, given),
    ]) {
      expect(extensions).toMatchObject({ code: 'INVALID_INPUT', field })
    }
  })

  test.each([
    ['metadata', 100_000, '['],
    ['search', 100_000, '['],
    ['and', 100_000, '['],
    ['not', 1_000, '{"not":'],
    ['not', 100_000, '{"not":'],
  ])('with %s %i levels deep is refused', async (field, levels, open) => {
    const [inmost, close] = open === '[' ? ['', ']'] : ['{}', '}']
    const filter = `{"${field}":${open.repeat(levels)}${inmost}${close.repeat(levels)}}`
    const query = 'query ($filter: TraceFilter) { traces(filter: $filter) { nodes { id } } }'
    const body = `{"query":"${query}","variables":{"filter":${filter}}}`
    const response = await fetch(`${app.url}/graphql`, { method: 'POST', headers: headersOf(tenant.key), body })
    const { errors } = (await response.json()) as { errors: { extensions: object }[] }
    expect(errors[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT' })
  })
})

describe('a search', () => {
  test.each([
    ['ticket', 'a word of the name'],
    ['cket №7', 'a part of it'],
    ['STRASSE NACH', 'in another case'],
    ['ko\u0308ln', 'written with a mark of its own'],
    ['京', 'one character of the name of the prompt'],
    ['ing/東', 'across scripts'],
    ['4O-mini', 'a part of the model'],
    ['parcel', 'a word of a message'],
    ['parcel WHERE', 'words in any order'],
    ['東京駅', 'Japanese in the output'],
    ['駅に', 'a part of it'],
    ['北京大学', 'Chinese in what went into a span'],
    ['京大', 'two characters of it'],
    ['ภาษา', 'Thai in what came out of a span'],
    ['بالعالم', 'Arabic'],
    ['ошибка', 'Cyrillic'],
  ])('for %s finds it: %s', async (search) => {
    expect(await list({ search })).toEqual(['full'])
    expect(await list({ search, model: 'claude' })).toEqual([])
    expect(await list({ not: { search } })).toEqual(['bare', 'rest'])
    expect(await list({ or: [{ search }, { ids: ['bare'] }] })).toEqual(['full', 'bare'])
    expect(await list({ search }, {}, other)).toEqual(['theirs'])
    expect((await tenant.client.ask(CountTracesDocument, { filter: { search } })).traces.totalCount).toBe(1)
  })

  test.each([
    'parc',
    'parcel مرحبا',
    'content',
    'user_',
    '大北',
    '!!!',
    '%',
    '_',
    '\\',
    "'",
    '\u200b',
    'gpt-4o\nTicket',
    '٪',
  ])('for %j finds nothing', async (search) => expect(await list({ search })).toEqual([]))
})

describe('totalCount', () => {
  test('is counted where it is selected, and nowhere else', async () => {
    const filter = { agents: ['support', 'writer'] }
    const silent = await recordStatements(() => tenant.client.ask(TracesDocument, { filter }))
    expect(naming('traces', silent.texts)).toHaveLength(1)
    const counting = await recordStatements(() => tenant.client.ask(CountTracesDocument, { filter }))
    expect(naming('traces', counting.texts).filter((text) => text.includes('count(*)'))).toHaveLength(1)
    expect(counting.result.traces.totalCount).toBe(2)
  })
})
