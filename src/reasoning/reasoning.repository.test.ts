import fc from 'fast-check'
import type { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../test/harness/database.ts'
import { recordLog } from '../../test/harness/recorded-log.ts'
import { storeRecords } from '../../test/harness/searching.ts'
import { createPool } from '../infra/postgres.ts'
import { createReasoningRepository, type ReasoningRepository } from './reasoning.repository.ts'
import { decisionTypes, orderChain } from './reasoning.ts'
import { checkReasoningFilter, matchesReasoning } from './reasoning-filter.ts'
import type { StoreReasoningInput } from './reasoning-input.ts'

let database: TestDatabase
let pool: Pool
let records: ReasoningRepository

beforeAll(async () => {
  database = await createDatabase()
  pool = createPool({ databaseUrl: database.url, operationMs: 30_000, logger: recordLog().logger })
  records = createReasoningRepository(pool)
})
afterAll(async () => {
  await pool.end()
  await database.drop()
})

const store = (tenantId: string, all: readonly Partial<StoreReasoningInput>[]) => storeRecords(pool, tenantId, all)

describe('a filter', () => {
  const label = fc.constantFrom('a', 'A', 'ä', '\'"\\', '{a,b}', 'null')
  const moment = fc.constantFrom(-1, 0, 1).map((ms) => new Date(Date.now() + ms * 3_600_000))
  const filter = fc.record(
    {
      agent: label,
      sessionId: label,
      tag: label,
      decisionType: fc.subarray([...decisionTypes]),
      traceId: label,
      createdAt: fc.record({ gte: moment, lt: moment }, { requiredKeys: [] }),
    },
    { requiredKeys: [] },
  )
  const given = fc.record(
    {
      decision: fc.record({ type: fc.constantFrom(...decisionTypes), summary: fc.constant('s') }),
      agent: label,
      sessionId: label,
      tags: fc.subarray(['a', 'A', 'ä', '\'"\\', '{a,b}', 'null']),
      traceId: label,
    },
    { requiredKeys: [] },
  )

  test('means the same in SQL as it does to who is told of events', async () => {
    const all = await store('tn_filters', fc.sample(given, { numRuns: 200, seed: 7 }))
    await store('tn_others', fc.sample(given, { numRuns: 50, seed: 8 }))
    await fc.assert(
      fc.asyncProperty(filter, async (wanted) => {
        const checked = checkReasoningFilter(wanted)
        const found = await records.listRecords('tn_filters', checked, { before: null, limit: 1_000 })
        const ids = all.filter((record) => matchesReasoning(checked, record)).map(({ id }) => id)
        expect(found.map(({ id }) => id)).toEqual(ids.reverse())
        expect(await records.countRecords('tn_filters', checked)).toBe(ids.length)
      }),
      { numRuns: 200 },
    )
  })
})

test('a tag that somebody puts beside the records finds none of them', async () => {
  const [record] = await store('tn_tags', [{ id: 'tagged', tags: ['own'] }])
  const put = `insert into reasoning_tags (tenant_id, tag, sequence, reasoning_id) values ('tn_tags', 'put', $1, $2)`
  await pool.query(put, [record?.sequence, 'nobody'])
  await pool.query(put, [1_000, 'tagged'])
  const list = (tag: string) => records.listRecords('tn_tags', { tag }, { before: null, limit: 10 })
  expect(await list('own')).toHaveLength(1)
  expect(await list('put')).toEqual([])
})

describe('a chain of 10,000', () => {
  const count = 10_000

  async function storeMany(tenantId: string, parentOf: (index: number) => string | null) {
    for (let from = 0; from < count; from += 1_000) {
      const some = Array.from({ length: 1_000 }, (_, index) => from + index)
      await store(
        tenantId,
        some.map((index) => ({ id: `r${index}`, parentId: parentOf(index) })),
      )
    }
  }

  test.each([
    ['deep', (index: number) => (index === 0 ? null : `r${index - 1}`), count - 1],
    ['wide', (index: number) => (index === 0 ? null : 'r0'), 1],
    ['branching', (index: number) => (index === 0 ? null : `r${Math.floor((index - 1) / 3)}`), 9],
  ] as const)('is found from its last record when it is %s', async (name, parentOf, depth) => {
    const tenantId = `tn_${name}`
    await storeMany(tenantId, parentOf)
    const { rootId, records: found } = await records.findChain(tenantId, `r${count - 1}`, count + 1)
    expect(rootId).toBe('r0')
    const chain = orderChain('r0', found)
    expect(new Set(chain?.children.map(({ id }) => id)).size).toBe(count - 1)
    expect(chain?.depth).toBe(depth)
    expect((await records.findChain(tenantId, 'r0', 5)).records).toHaveLength(5)
  })

  test('that somebody has made a circle in the database ends all the same', async () => {
    await store('tn_circle', [{ id: 'a' }, { id: 'b', parentId: 'a' }, { id: 'c', parentId: 'b' }])
    await pool.query(`update reasoning_traces set parent_id = 'c' where tenant_id = 'tn_circle' and id = 'a'`)
    expect((await records.findChain('tn_circle', 'b', 10)).rootId).toBeNull()
  })
})

test('a page of each owner is read at once', async () => {
  const [one, two] = await store('tn_owned', [{ id: 'one' }, { id: 'two' }])
  const children = await store('tn_owned', [
    { id: '1a', parentId: 'one' },
    { id: '2a', parentId: 'two' },
    { id: '1b', parentId: 'one' },
    { id: '1c', parentId: 'one' },
  ])
  await store('tn_stranger', [{ id: 'one' }, { id: '1z', parentId: 'one' }])
  const ids = [one, two].map((record) => record?.id as string)
  const found = await records.listOwned('tn_owned', { owner: 'parentId', ids }, { before: null, limit: 2 })
  expect(found.map(({ id }) => id).sort()).toEqual(['1b', '1c', '2a'])
  const before = children[2]?.sequence ?? null
  const rest = await records.listOwned('tn_owned', { owner: 'parentId', ids: ['one'] }, { before, limit: 2 })
  expect(rest.map(({ id }) => id)).toEqual(['1a'])
  expect(await records.countOwned('tn_owned', { owner: 'parentId', id: 'one' })).toBe(3)
})
