import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../test/harness/database.ts'
import { createWordEncoder, openSearching, type Searching, saying, viewerOf } from '../../test/harness/searching.ts'
import { decisionTypes, type ReasoningTrace } from './reasoning.ts'
import { matchesReasoning } from './reasoning-filter.ts'

let database: TestDatabase
let searching: Searching
let tenants = 0
const newTenant = () => `tn_${++tenants}`

beforeAll(async () => {
  database = await createDatabase()
  searching = openSearching(database.url)
})
afterAll(async () => {
  await searching.end()
  await database.drop()
})

test('a record is found by its words at once, and by its meaning when it is embedded', async () => {
  const tenant = newTenant()
  await searching.store(tenant, [
    saying('a', 'The automobile was inexpensive'),
    saying('b', 'Deploys wait for a quiet hour'),
    saying('c', 'The invoice was refused by the bank'),
  ])
  expect(await searching.find(tenant, 'inexpensive')).toEqual(['a'])
  expect(await searching.find(tenant, 'was the car cheap')).toEqual([])
  const [early] = await searching.service.search(viewerOf(tenant), { query: 'inexpensive' })
  expect(early?.foundBy).toEqual(['WORDS'])
  await searching.embedAll()
  expect((await searching.find(tenant, 'is the car so cheap'))[0]).toBe('a')
  const hits = await searching.service.search(viewerOf(tenant), { query: 'the invoice was refused' })
  expect(hits.map(({ trace }) => trace.id)[0]).toBe('c')
  for (const { score } of hits) expect(score).toBeGreaterThan(0)
  expect(hits[0]).toMatchObject({ score: 1, foundBy: ['WORDS', 'MEANING'] })
  expect(hits.at(-1)?.foundBy).toEqual(['MEANING'])
})

test('identifiers, paths and parts of them come first, among many that are like them', async () => {
  const tenant = newTenant()
  const others = Array.from({ length: 60 }, (_, index) =>
    saying(`o${index}`, `INC-204${index + 20} failed with EPIPE in src/lists/list-${index}.ts, error 40${index + 100}`),
  )
  await searching.store(tenant, [
    ...others,
    { ...saying('path', 'Read the file'), context: { filesRead: ['src/traces/search-index.ts'] } },
    saying('incident', 'INC-20417 came of ECONNRESET after max_retries'),
    saying('camel', 'maxRetryCount was 3, Ünïcode-Größe too'),
  ])
  await searching.embedAll()
  const first = async (query: string) => (await searching.find(tenant, query))[0]
  expect(await first('ECONNRESET')).toBe('incident')
  expect(await first('INC-20417')).toBe('incident')
  expect(await first('20417')).toBe('incident')
  expect(await first('max_retries')).toBe('incident')
  expect(await first('src/traces/search-index.ts')).toBe('path')
  expect(await first('search-index.ts')).toBe('path')
  expect(await first('maxRetryCount')).toBe('camel')
  expect(await first('Ünïcode-Größe')).toBe('camel')
})

describe('what has a name comes before what only has its pieces', () => {
  test.each([
    ['max_connections', 'Max out the connections', 'Set max_connections=100 and reload'],
    ['E_TIMEOUT_42', 'Timeout 42', 'The gateway said E_TIMEOUT_42.'],
    ['PAY-1234', 'Payment 1234: pay it', 'Closed with PAY-1234'],
    ['new-checkout-v2', 'A new checkout, v2 of it', 'The flag new-checkout-v2 is on'],
    ['DATABASE_URL', 'Raise a database setting of the url', 'DATABASE_URL=postgres://db/main was missing'],
  ])('%s', async (name, pieces, sentence) => {
    const tenant = newTenant()
    const other = saying('p', `${pieces}. ${pieces}, ${pieces}`)
    const reasoning = { observations: ['It was slow', sentence], conclusion: 'Done.' }
    await searching.store(tenant, [other, { id: 'z', decision: { type: 'PLAN', summary: 'Mended' }, reasoning }])
    expect((await searching.find(tenant, `what about ${name}`))[0]).toBe('z')
    await searching.embedAll()
    expect((await searching.find(tenant, name))[0]).toBe('z')
  })
})

describe('where no blanks are between words', () => {
  const records = [
    saying('chars', '包：裹。退了，款。東 京 都'),
    saying('one', '书包 退休 京 都 ห'),
    saying('parcel', '客户投诉包裹损坏'),
    saying('refund', '客户要求全额退款，已处理'),
    saying('tokyo', '私は東京に住んでいます'),
    saying('korean', '고객이환불을요청'),
    saying('thai', 'ลูกค้าขอคืนเงิน'),
    saying('mixed', 'iPhone15を買いました'),
  ]

  test.each([
    ['包裹', 'parcel'],
    ['退款', 'refund'],
    ['東京', 'tokyo'],
    ['환불', 'korean'],
    ['คืนเงิน', 'thai'],
    ['買いました', 'mixed'],
    ['iPhone15', 'mixed'],
    ['を', 'mixed'],
    ['客户投诉包裹损坏', 'parcel'],
  ])('%s is found in what was written without them', async (query, expected) => {
    const tenant = newTenant()
    await searching.store(tenant, records)
    expect((await searching.find(tenant, query))[0]).toBe(expected)
  })
})

test('whatever a long record says is found, however late', async () => {
  const tenant = newTenant()
  const filler = (seed: number) =>
    Array.from({ length: 2_600 }, (_, index) => `w${(index * 7 + seed).toString(36)}`)
      .join(' ')
      .slice(0, 18_800)
  await searching.store(tenant, [
    saying('short', 'Something else'),
    {
      id: 'long',
      decision: { type: 'PLAN', summary: 'Long', outputRef: 'outputword' },
      reasoning: {
        observations: [1, 2, 3, 4, 5].map((seed) => `${filler(seed * 100_000)} observed${seed} src/deep-${seed}.ts`),
        conclusion: 'It was long',
        hypothesis: 'guessed',
        alternativesConsidered: [{ option: 'alternatively' }],
      },
      context: { filesRead: ['src/late/place.ts'], keyFacts: ['factual'] },
      agent: 'auditor',
      tags: ['tagged'],
    },
  ])
  const late = ['outputword', 'guessed', 'alternatively', 'place.ts', 'factual', 'auditor', 'tagged']
  for (const word of [...late, ...[1, 2, 3, 4, 5].flatMap((seed) => [`observed${seed}`, `deep-${seed}`])]) {
    expect(await searching.find(tenant, word), word).toEqual(['long'])
  }
})

test('in any script a record of the greatest length is stored, and found by how it ends', async () => {
  const tenant = newTenant()
  const from = (first: number, size: number) => (index: number) => String.fromCharCode(first + (index % size))
  const [han, ethiopic] = [from(0x4e00, 20_000), from(0x1200, 300)]
  const base36 = (index: number) => (index % 1_296).toString(36)
  const monsters: Record<string, (index: number) => string> = {
    han: (index) => han(index * 7_919 + Math.floor(index / 20_000)),
    dashes: (index) => `${han(index * 7_919)}-`,
    chains: (index) => `${ethiopic(index * 7)}-${ethiopic(Math.floor(index / 300) + index)}-`,
    compounds: (index) => `${ethiopic(index)}${ethiopic(index >> 3)}-${ethiopic(index * 11)}${ethiopic(index >> 5)} `,
    addresses: (index) => `${base36(index * 7)}.${base36(index >> 4)}/${base36(index * 31)} `,
  }
  for (const [id, text] of Object.entries(monsters)) {
    const all = Array.from({ length: 98_000 }, (_, index) => text(index)).join('')
    const observations = [0, 1, 2, 3, 4].map((part) => all.slice(part * 19_500, (part + 1) * 19_500))
    const reasoning = { observations, conclusion: 'Enough.', alternativesConsidered: ['zebra'] }
    await searching.store(tenant, [{ id, decision: { type: 'PLAN', summary: 'Large' }, reasoning }])
    expect(await searching.find(tenant, 'zebra'), id).toEqual([id])
    await searching.remove(tenant, id)
  }
})

test('how alike a meaning is, is said of what was looked at for it', async () => {
  const tenant = newTenant()
  const likeness = async (query: string) =>
    Object.fromEntries(
      (await searching.service.search(viewerOf(tenant), { query })).map((hit) => [hit.trace.id, hit.likeness]),
    )
  await searching.store(tenant, [saying('same', 'the automobile'), saying('other', 'zebra stripes')])
  expect(await likeness('the automobile')).toEqual({ same: null })
  await searching.embedAll()
  await searching.store(tenant, [saying('late', 'the automobile')])
  const found = await likeness('the automobile')
  expect(found).toEqual({ same: expect.closeTo(1, 5), other: expect.any(Number), late: null })
  expect(found.other).toBeLessThan(0.5)
})

test('a monstrous record is stored, and found by how it begins', async () => {
  const tenant = newTenant()
  // Four bytes a letter, and each of them in words of its own, in compounds and in their pieces.
  const letters = (length: number) =>
    Array.from({ length: length / 8 }, (_, index) =>
      [0, 1, 2]
        .map((digit) => String.fromCodePoint(0x1_0400 + (Math.floor(index / 40 ** digit) % 40)).repeat(2))
        .join('-'),
    ).join(' ')
  const paths = Array.from({ length: 600 }, (_, index) => `/${index.toString(36)}/${index * 31}.ts`).join(' ')
  await searching.store(tenant, [
    {
      id: 'large',
      decision: { type: 'PLAN', summary: `ECONNRESET ${letters(10_000)}` },
      reasoning: { observations: [letters(10_000), paths, paths], conclusion: letters(10_000), hypothesis: paths },
    },
  ])
  expect(await searching.find(tenant, 'ECONNRESET')).toEqual(['large'])
})

test('what is frequent everywhere is found beside a rare word, where the filter leaves little else', async () => {
  const tenant = newTenant()
  const many = Array.from({ length: 1_500 }, (_, index) => saying(`d${index}`, 'deploy failed'))
  await searching.store(tenant, [...many, saying('z', 'zebra')])
  await searching.store(tenant, [{ ...saying('fresh', 'deploy failed today'), sessionId: 'fresh' }])
  expect(await searching.find(tenant, 'zebra deploy failed', { filter: { sessionId: 'fresh' } })).toEqual(['fresh'])
  expect((await searching.find(tenant, 'zebra deploy failed'))[0]).toBe('z')
})

test('no tenant sees records of another, nor their words', async () => {
  const [one, other] = [newTenant(), newTenant()]
  await searching.store(one, [saying('a', 'secret plan of one')])
  await searching.store(other, [saying('b', 'secret plan of another'), saying('c', 'secret')])
  await searching.embedAll()
  expect(await searching.find(one, 'secret plan')).toEqual(['a'])
  expect(await searching.find(newTenant(), 'secret plan')).toEqual([])
})

test('what is deleted is found no more, also while it is embedded', async () => {
  const tenant = newTenant()
  await searching.store(tenant, [saying('a', 'stay here'), saying('b', 'go away here')])
  const taken = await searching.vectors.takeDue(10, 60_000)
  await searching.remove(tenant, 'b')
  const vectors = await searching.encoder.encode(taken.map(({ summary }) => [summary]))
  const embedded = taken.map((record, index) => ({ ...record, vector: vectors[index] ?? null }))
  await searching.vectors.storeVectors(searching.encoder.model, embedded)
  expect(await searching.find(tenant, 'go away here')).toEqual(['a'])
})

describe('filters', () => {
  const label = fc.constantFrom('a', 'A', 'ä', '\'"\\')
  const times = fc.constantFrom(-1, 1).map((hours) => new Date(Date.now() + hours * 3_600_000))
  const filter = fc.record(
    {
      agent: label,
      sessionId: label,
      tag: label,
      decisionType: fc.subarray([...decisionTypes]),
      traceId: label,
      createdAt: fc.record({ gte: times, lt: times }, { requiredKeys: [] }),
    },
    { requiredKeys: [] },
  )

  test('are exact, for what is found by words and by meaning', async () => {
    const tenant = newTenant()
    const labels = ['a', 'A', 'ä', '\'"\\', null]
    const records: ReasoningTrace[] = await searching.store(
      tenant,
      Array.from({ length: 40 }, (_, index) => ({
        ...saying(`r${index}`, index % 2 ? `automobile ${index}` : `funds ${index}`),
        decision: {
          type: decisionTypes[index % decisionTypes.length] ?? 'PLAN',
          summary: index % 2 ? 'automobile' : 'funds',
        },
        agent: labels[index % 5] ?? null,
        sessionId: labels[(index >> 1) % 5] ?? null,
        traceId: labels[(index >> 2) % 5] ?? null,
        tags: labels.slice(index % 5, (index % 5) + 2).filter((each) => each !== null),
      })),
    )
    await searching.embedAll()
    await fc.assert(
      fc.asyncProperty(filter, async (given) => {
        const expected = records.filter((record) => matchesReasoning(given, record)).map(({ id }) => id)
        const found = await searching.find(tenant, 'why did the car take money', { filter: given, limit: 100 })
        expect(found.toSorted()).toEqual(expected.toSorted())
      }),
      { numRuns: 60 },
    )
  })

  test('are refused where they are wrong', async () => {
    const wrong = searching.find('t', 'x', { filter: { createdAt: { gte: 'soon' } } })
    await expect(wrong).rejects.toMatchObject({ code: 'INVALID_INPUT', details: { field: 'filter.createdAt.gte' } })
  })
})

describe('a query', () => {
  const hostile = [
    "'",
    "'; drop table reasoning_traces; --",
    '&|!:*()<->',
    "' & !a:* | 'b",
    '\\',
    "\\' | a",
    'the of and',
    '🙂🙂🙂',
    '东京',
    '\0',
    '\ud800',
    '%_%',
    '-5 --6 +7',
    'a'.repeat(2_000),
    'x '.repeat(999),
    '漢'.repeat(2_000),
    Array.from({ length: 300 }, (_, index) => `w${index}`).join(' '),
    '<script>alert(1)</script> http://a.b/c?d=e&f=g',
  ]

  test.each(hostile)('may be %j', async (query) => {
    const tenant = newTenant()
    await searching.store(tenant, [
      saying('a', "It's a \\ 'quoted' word & more"),
      saying('b', query.slice(0, 500) || 'b'),
    ])
    await searching.embedAll()
    const hits = await searching.service.search(viewerOf(tenant), { query, limit: 100 })
    for (const { score, trace } of hits) {
      expect(score).toBeGreaterThan(0)
      expect(score).toBeLessThanOrEqual(1)
      expect(['a', 'b']).toContain(trace.id)
    }
  })

  test('finds whatever was written of it', async () => {
    const tenant = newTenant()
    const texts = ["O'Brien\\smith", 'a|b & c:*', '50% <of> it!']
    await searching.store(
      tenant,
      texts.map((text, index) => saying(`r${index}`, text)),
    )
    for (const [index, text] of texts.entries()) expect((await searching.find(tenant, text))[0]).toBe(`r${index}`)
  })

  test.each(['', '   ', 'a'.repeat(2_001)])('of nothing, or too much, is refused', async (query) => {
    await expect(searching.find('t', query)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      details: { field: 'query' },
    })
  })

  test.each([0, -1, 101, 1.5, Number.NaN])('has no limit of %d', async (limit) => {
    const answer = searching.find('t', 'x', { limit })
    await expect(answer).rejects.toMatchObject({ code: 'INVALID_INPUT', details: { field: 'limit' } })
  })

  test('needs the scope to read', async () => {
    const viewer = { ...viewerOf('t'), scopes: ['INGEST' as const] }
    await expect(searching.service.search(viewer, { query: 'x' })).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })

  test('is answered with as many as asked for, ten by itself', async () => {
    const tenant = newTenant()
    await searching.store(
      tenant,
      Array.from({ length: 30 }, (_, index) => saying(`r${index}`, `equal ${index}`)),
    )
    const counts = await Promise.all(
      [undefined, 1, 25, 100].map(async (limit) => (await searching.find(tenant, 'equal', { limit })).length),
    )
    expect(counts).toEqual([10, 1, 25, 30])
  })
})

describe('where the encoder is away', () => {
  test('words alone answer, it is said once, and asked again later', async () => {
    const encoder = createWordEncoder()
    const away = openSearching(database.url, encoder)
    try {
      const tenant = newTenant()
      await away.store(tenant, [saying('a', 'automobile'), saying('b', 'funds')])
      await away.embedAll()
      encoder.refuse = () => new Error('away')
      const hits = await away.service.search(viewerOf(tenant), { query: 'funds for the car' })
      expect(hits.map(({ trace, score }) => [trace.id, score])).toEqual([['b', 1]])
      expect(away.outages).toHaveLength(1)
      await away.find(tenant, 'something else')
      expect(away.outages).toHaveLength(1)
    } finally {
      await away.end()
    }
  })

  test('one that hangs is waited for, and not for ever', async () => {
    const encoder = createWordEncoder()
    const away = openSearching(database.url, encoder)
    try {
      const tenant = newTenant()
      await away.store(tenant, [saying('a', 'automobile')])
      encoder.encode = () => new Promise(() => {})
      expect(await away.find(tenant, 'automobile')).toEqual(['a'])
    } finally {
      await away.end()
    }
  })
})

test('vectors of different models are never compared', async () => {
  const tenant = newTenant()
  await searching.store(tenant, [saying('a', 'automobile')])
  await searching.embedAll()
  expect(await searching.find(tenant, 'the car')).toEqual(['a'])
  for (const encoder of [createWordEncoder({ model: 'words-2' }), createWordEncoder({ model: 'words-1', size: 300 })]) {
    const other = openSearching(database.url, encoder)
    try {
      expect(await other.find(tenant, 'the car')).toEqual([])
      expect(await other.find(tenant, 'automobile')).toEqual(['a'])
    } finally {
      await other.end()
    }
  }
})
