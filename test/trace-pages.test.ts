import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  TraceIdsDocument,
  type TraceIdsQueryVariables,
  type TraceOrder,
  TracesDocument,
} from './generated/documents.ts'
import { withDatabase } from './harness/database.ts'
import { freshId, ingest, llmSpan } from './harness/ingest.ts'
import { askRootSpans, nestedSelection, plainSpan, sendSpans } from './harness/span-trees.ts'
import { makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'

let app: TestApp
let tenant: TestTenant
let other: TestTenant

beforeAll(async () => {
  app = await startTestApp()
  tenant = await makeTenant(app)
  other = await makeTenant(app)
  await ingest(tenant.client, ...traces)
  await ingest(other.client, { id: 'theirs', startedAt: at(0), durationMs: 0, cost: '0', totalTokens: 0 })
})
afterAll(async () => {
  expect(app.log.lines.filter(({ level }) => level >= 50)).toEqual([])
  await app.close()
})

const at = (second: number) => new Date(Date.UTC(2026, 10, 20, 10, 0, second)).toISOString()

/** Of every third nothing is known but its start; of the others many are equal. */
const traces = Array.from({ length: 23 }, (_, n) => ({
  id: `${['z', 'ä', '東', '💥'][n % 4]}${n}`,
  startedAt: at(n % 7),
  ...(n % 3 > 0 && { durationMs: n % 5, cost: ['9', '10', '0.5'][n % 3] as string, totalTokens: n % 4 }),
}))

const knownOf = {
  STARTED_AT: ({ startedAt }) => Date.parse(startedAt),
  DURATION: ({ durationMs }) => durationMs,
  COST: ({ cost }) => (cost === undefined ? undefined : Number(cost)),
  TOTAL_TOKENS: ({ totalTokens }) => totalTokens,
} satisfies Record<TraceOrder['field'], (trace: (typeof traces)[number]) => number | undefined>

function sorted({ field, direction }: TraceOrder): string[] {
  const sign = direction === 'ASC' ? 1 : -1
  const byId = (one: string, another: string) => Buffer.compare(Buffer.from(one), Buffer.from(another))
  return traces
    .toSorted((one, another) => {
      const [a, b] = [knownOf[field](one), knownOf[field](another)]
      if ((a === undefined) !== (b === undefined)) return a === undefined ? 1 : -1
      return sign * ((a ?? 0) - (b ?? 0) || byId(one.id, another.id))
    })
    .map(({ id }) => id)
}

async function page(variables: TraceIdsQueryVariables, { client } = tenant) {
  const { traces } = await client.ask(TraceIdsDocument, variables)
  return { ids: traces.nodes.map(({ id }) => id), ...traces.pageInfo }
}

const orders = (['STARTED_AT', 'DURATION', 'COST', 'TOTAL_TOKENS'] as const).flatMap((field) =>
  (['ASC', 'DESC'] as const).map((direction) => ({ field, direction })),
)

describe.each(orders)('traces by $field $direction', (orderBy) => {
  test('come page by page from the front and from the back, unknown ones last', async () => {
    const expected = sorted(orderBy)
    const forwards: string[] = []
    for (let after: string | null = null, more = true; more; ) {
      const { ids, ...info } = await page({ orderBy, first: 4, after })
      expect(info.hasPreviousPage).toBe(after !== null)
      forwards.push(...ids)
      more = info.hasNextPage
      after = info.endCursor ?? null
    }
    expect(forwards).toEqual(expected)
    const backwards: string[] = []
    for (let before: string | null = null, more = true; more; ) {
      const { ids, ...info } = await page({ orderBy, last: 4, before })
      expect(info.hasNextPage).toBe(before !== null)
      backwards.unshift(...ids)
      more = info.hasPreviousPage
      before = info.startCursor ?? null
    }
    expect(backwards).toEqual(expected)
  })

  test('are refused from a cursor of another order, and are our own from one of another tenant', async () => {
    const { endCursor = null } = await page({ orderBy, first: 1 }, other)
    const others = orders.filter((each) => each !== orderBy)
    for (const each of others) {
      for (const input of [
        { first: 1, after: endCursor },
        { last: 1, before: endCursor },
      ]) {
        const { extensions } = await tenant.client.refusal(TraceIdsDocument, { orderBy: each, ...input })
        expect(extensions).toMatchObject({ code: 'INVALID_INPUT', field: input.after ? 'after' : 'before' })
      }
    }
    const sides = [
      await page({ orderBy, last: 100, before: endCursor }),
      await page({ orderBy, first: 100, after: endCursor }),
    ]
    expect(sides.flatMap(({ ids }) => ids)).toEqual(sorted(orderBy))
  })
})

describe('a page', () => {
  const encode = (parts: unknown) => Buffer.from(JSON.stringify(parts)).toString('base64url')

  test.each<[what: string, input: TraceIdsQueryVariables, field: string]>([
    ['from both ends', { first: 1, last: 1 }, 'last'],
    ['from the back, behind a cursor', { last: 1, after: 'x' }, 'last'],
    ['before a cursor, from the front', { first: 1, before: 'x' }, 'before'],
    ['before a cursor, of no size', { before: 'x' }, 'before'],
    ['of less than nothing', { first: -1 }, 'first'],
    ['of less than nothing, from the back', { last: -2_147_483_648 }, 'last'],
    ['behind nothing', { after: '' }, 'after'],
    ['behind garbage', { after: '%%%\0\ud800' }, 'after'],
    ['behind a megabyte', { after: 'x'.repeat(1_000_000) }, 'after'],
    ['behind JSON that is no list', { after: encode({ field: 'STARTED_AT' }) }, 'after'],
    ['behind a list in a list', { after: encode([['STARTED_AT']]) }, 'after'],
    ['behind too little', { after: encode(['STARTED_AT', 'DESC', at(0)]) }, 'after'],
    ['behind too much', { after: encode(['STARTED_AT', 'DESC', at(0), 'a', 'b']) }, 'after'],
    ['behind no moment', { after: encode(['STARTED_AT', 'DESC', "0'; --", 'a']) }, 'after'],
    [
      'behind a moment beyond all calendars',
      { after: encode(['STARTED_AT', 'DESC', '+099999-01-01T00:00:00.000Z', 'a']) },
      'after',
    ],
    ['before no moment', { last: 1, before: encode(['STARTED_AT', 'DESC', null, 'a']) }, 'before'],
  ])('%s is refused', async (_, input, field) => {
    const { extensions, message } = await tenant.client.refusal(TraceIdsDocument, input)
    expect(extensions).toMatchObject({ code: 'INVALID_INPUT', field })
    expect(message.length).toBeLessThan(1_000)
  })

  test.each([
    ['DURATION', 'none'],
    ['COST', 1],
    ['COST', '1e5'],
    ['COST', '-1'],
    ['TOTAL_TOKENS', 1.5],
    ['TOTAL_TOKENS', 1e300],
  ] as const)('by %s is refused behind %j', async (field, value) => {
    const after = encode([field, 'ASC', value, 'a'])
    const refusal = await tenant.client.refusal(TraceIdsDocument, { orderBy: { field, direction: 'ASC' }, after })
    expect(refusal.extensions).toMatchObject({ code: 'INVALID_INPUT', field: 'after' })
  })

  test('behind a number that no trace can have is empty, or everything', async () => {
    for (const [value, rest] of [
      [-1e308, 15],
      [1e308, 0],
    ] as const) {
      const after = encode(['DURATION', 'ASC', value, ''])
      const { ids } = await page({ orderBy: { field: 'DURATION', direction: 'ASC' }, after, first: 100 })
      expect(ids).toHaveLength(rest + traces.filter(({ durationMs }) => durationMs === undefined).length)
    }
    const overflow = Buffer.from('["DURATION","ASC",1e400,""]').toString('base64url')
    await page({ orderBy: { field: 'DURATION', direction: 'ASC' }, after: overflow })
  })

  test('of nothing, or of null, says what there is', async () => {
    expect(await page({ first: 0 })).toEqual({
      ids: [],
      hasNextPage: true,
      hasPreviousPage: false,
      startCursor: null,
      endCursor: null,
    })
    expect(await page({ last: 0 })).toMatchObject({ ids: [], hasNextPage: false, hasPreviousPage: true })
    const nulls = { first: null, after: null, last: null, before: null, filter: null, orderBy: null }
    expect((await page(nulls)).ids).toEqual(sorted({ field: 'STARTED_AT', direction: 'DESC' }).slice(0, 20))
    expect((await page({ last: 3, first: null })).ids).toEqual(
      sorted({ field: 'STARTED_AT', direction: 'DESC' }).slice(-3),
    )
  })

  test('gives each node the cursor that leads behind it', async () => {
    const { traces: listed } = await tenant.client.ask(TracesDocument, { first: 3 })
    const [, second, third] = listed.edges
    expect(listed.pageInfo.endCursor).toBe(third?.cursor)
    expect((await page({ first: 1, after: second?.cursor ?? null })).ids).toEqual([third?.node.id])
    expect((await page({ last: 1, before: third?.cursor ?? null })).ids).toEqual([second?.node.id])
  })

  test('may be as large as the settings say, and not one larger, however it is asked for', async () => {
    const narrow = await startTestApp({ backend: app.backend, limits: { pageSize: 5 } })
    for (const [client, max] of [
      [narrow.client(tenant.key), 5],
      [tenant.client, 100],
    ] as const) {
      expect((await client.ask(TraceIdsDocument, { first: max })).traces.nodes).toHaveLength(Math.min(max, 23))
      for (const input of [{ first: max + 1 }, { last: max + 1 }, { first: 2_147_483_647 }]) {
        const { extensions } = await client.refusal(TraceIdsDocument, input)
        expect(extensions).toMatchObject({ code: 'QUERY_TOO_COMPLEX', limit: 'TRACEMEND_MAX_PAGE_SIZE', max })
      }
      const { extensions } = await client.refusal(`{ agents { nodes { traces(first: ${max + 1}) { nodes { id } } } } }`)
      expect(extensions).toMatchObject({ code: 'QUERY_TOO_COMPLEX', max })
    }
    await narrow.close()
  })
})

describe('a document that multiplies', () => {
  test.each([
    ['spans of traces', '{ traces(first: 100) { nodes { spans(first: 1000) { nodes { id } } } } }'],
    [
      'children of spans of traces',
      '{ traces(first: 100) { nodes { spans(first: 1000) { nodes { children { children { id } } } } } } }',
    ],
    [
      'traces of agents',
      '{ agents(first: 100) { nodes { traces(first: 100) { nodes { id name model status cost } } } } }',
    ],
    ['traces of spans of traces', '{ traces { nodes { spans { nodes { trace { spans { nodes { id } } } } } } } }'],
    ['parents and children', `{ traces { nodes { spans { nodes { ${nest('parent { children {', 12)} } } } } }`],
    ['roots of traces', `{ traces(first: 100) { nodes { rootSpans { ${nestedSelection(5)} } } } }`],
  ])('%s is refused before it runs', async (_, document) => {
    const { extensions } = await tenant.client.refusal(document)
    expect(extensions.code).toBe('QUERY_TOO_COMPLEX')
  })

  test('may still follow one tree through 25 levels, and one trace from everywhere', async () => {
    const chain = Array.from({ length: 26 }, (_, n) => plainSpan(`${n}`, n === 0 ? null : `${n - 1}`))
    const id = await sendSpans(tenant.client, [...chain, llmSpan('leaf', { parentId: '25' })])
    let [node] = await askRootSpans(tenant.client, id, nestedSelection(25))
    for (let depth = 0; depth < 25; depth++) node = node?.children[0]
    expect(node?.id).toBe('25')
    const document = `{ trace(id: "${id}") { spans(first: 1000) { nodes { trace { id } parent { id } children { id } } } } }`
    const { trace } = await tenant.client.ask<{ trace: { spans: { nodes: unknown[] } } }, never>(document)
    expect(trace.spans.nodes).toHaveLength(27)
  })
})

function nest(open: string, times: number): string {
  const braces = open.split('{').length - 1
  return `${open.repeat(times)} id ${'}'.repeat(braces * times)}`
}

test('trees are read together up to a number of spans; one alone may have any', async () => {
  const { id, client } = await makeTenant(app)
  const [one, other] = [freshId(), freshId()]
  await ingest(client, { id: one, spans: [llmSpan('1')] }, { id: other, spans: [llmSpan('1')] })
  const query = 'query ($ids: [ID!]) { traces(filter: { ids: $ids }) { nodes { spanTree } } }'
  const resize = (spans: number) =>
    withDatabase(app.backend.database.url, (database) =>
      database.query('update traces set span_count = $2 where tenant_id = $1', [id, spans]),
    )
  await resize(25_000)
  expect((await client.send(query, { ids: [one, other] })).errors).toBeUndefined()
  await resize(25_001)
  const { extensions } = await client.refusal(query, { ids: [one, other] })
  expect(extensions).toMatchObject({ code: 'QUERY_TOO_COMPLEX', max: 50_000 })
  expect((await client.send(query, { ids: [one] })).errors).toBeUndefined()
})
