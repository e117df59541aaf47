import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../test/harness/database.ts'
import { openSearching, type Searching, saying } from '../../test/harness/searching.ts'
import { createReasoningVectorRepository, firstPlace } from './reasoning-vector.repository.ts'

const minute = 60_000
const vector = Float32Array.from({ length: 512 }, (_, index) => (index % 3) - 1)

let database: TestDatabase
let searching: Searching

beforeAll(async () => {
  database = await createDatabase()
  searching = openSearching(database.url)
})
afterAll(async () => {
  await searching.end()
  await database.drop()
})
beforeEach(async () => {
  await searching.pool.query(
    'truncate reasoning_traces, reasoning_tags, reasoning_due, reasoning_vectors, ledger_heads, ledger_entries',
  )
})

const storeMany = (tenantId: string, count: number) =>
  searching.store(
    tenantId,
    Array.from({ length: count }, (_, index) =>
      saying(`${tenantId}-${String(index).padStart(3, '0')}`, `word ${index}`),
    ),
  )
const stored = async () =>
  (await searching.pool.query('select model, reasoning_id as id from reasoning_vectors order by 1, 2')).rows.map(
    ({ model, id }) => `${model}/${id}`,
  )

describe('what is due', () => {
  test('is had by one worker at a time, until it is done or the worker is gone', async () => {
    await storeMany('a', 40)
    const workers = [1, 2, 3, 4].map(() => createReasoningVectorRepository(searching.pool))
    const taken = (
      await Promise.all(workers.flatMap((each) => [each.takeDue(7, minute), each.takeDue(7, minute)]))
    ).flat()
    const rest = await searching.vectors.takeDue(100, minute)
    const all = [...taken, ...rest].map(({ id }) => id)
    expect(all.toSorted()).toEqual([...new Set(all)].toSorted())
    expect(all).toHaveLength(40)
    expect(await searching.vectors.takeDue(10, minute)).toEqual([])

    await searching.vectors.storeVectors('m', [{ tenantId: 'a', id: 'a-003', vector }])
    expect((await searching.vectors.countDue()).all).toBe(39)
    await searching.pool.query("update reasoning_due set taken_until = now() - interval '1 ms'")
    expect(await searching.vectors.takeDue(100, minute), 'leases are over').toHaveLength(39)
  })

  test('comes with what is looked at', async () => {
    const reasoning = { observations: ['seen', 'heard'], hypothesis: 'maybe', conclusion: 'so' }
    await searching.store('a', [
      { id: 'r', decision: { type: 'PLAN', summary: 'done' }, reasoning, context: { keyFacts: ['fact'] } },
    ])
    expect(await searching.vectors.takeDue(1, minute)).toEqual([
      { tenantId: 'a', id: 'r', summary: 'done', ...reasoning, keyFacts: ['fact'] },
    ])
  })

  test('of each tenant comes in turn: a flood keeps nobody waiting', async () => {
    await storeMany('a', 100)
    for (const tenantId of ['b', 'c', 'd']) await storeMany(tenantId, 1)
    const first = await searching.vectors.takeDue(8, minute)
    expect(new Set(first.map(({ tenantId }) => tenantId))).toEqual(new Set(['a', 'b', 'c', 'd']))
    await storeMany('e', 1)
    const served = new Set<string>()
    for (let round = 0; round < 3; round++)
      for (const { tenantId } of await searching.vectors.takeDue(1, minute)) served.add(tenantId)
    expect(served).toContain('e')
    expect(served).toContain('a')
  })

  test('rests when it is put back', async () => {
    await storeMany('a', 3)
    const taken = await searching.vectors.takeDue(10, minute)
    await searching.vectors.putBack(taken.slice(0, 1), { leastMs: minute, mostMs: 2 * minute })
    await searching.vectors.putBack(taken.slice(1), { leastMs: 0, mostMs: 0 })
    expect((await searching.vectors.takeDue(10, minute)).map(({ id }) => id).toSorted()).toEqual(['a-001', 'a-002'])
    const [{ seconds }] = (
      await searching.pool.query(
        "select extract(epoch from due_at - now())::int as seconds from reasoning_due where reasoning_id = 'a-000'",
      )
    ).rows
    expect(seconds).toBeGreaterThan(50)
    expect(seconds).toBeLessThanOrEqual(60)
  })
})

describe('a vector', () => {
  test('is stored with its record no longer due; of one that says nothing there is none', async () => {
    await storeMany('a', 3)
    await searching.vectors.storeVectors('m', [
      { tenantId: 'a', id: 'a-002', vector: null },
      { tenantId: 'a', id: 'a-001', vector },
    ])
    expect(await stored()).toEqual(['m/a-001'])
    expect((await searching.vectors.takeDue(10, minute)).map(({ id }) => id)).toEqual(['a-000'])
    const [row] = (
      await searching.pool.query('select bit_length(signature::text) as length, vector from reasoning_vectors')
    ).rows
    expect(row.vector).toHaveLength(2_048)
  })

  test('comes too late where its record was deleted meanwhile', async () => {
    await storeMany('a', 2)
    const taken = await searching.vectors.takeDue(10, minute)
    await searching.remove('a', 'a-000')
    await searching.vectors.storeVectors(
      'm',
      taken.map((record) => ({ ...record, vector })),
    )
    expect(await stored()).toEqual(['m/a-001'])
    await searching.remove('a', 'a-001')
    expect(await stored()).toEqual([])
    expect((await searching.vectors.countDue()).all).toBe(0)
  })

  test('waits for a deletion that is under way, and neither for ever', async () => {
    await storeMany('a', 20)
    const taken = await searching.vectors.takeDue(20, minute)
    const ids = taken.map(({ id }) => id)
    await Promise.all([
      ...ids.map((id) => searching.remove('a', id)),
      ...[ids, ids.toReversed()].map((order) =>
        searching.vectors.storeVectors(
          'm',
          order.map((id) => ({ tenantId: 'a', id, vector })),
        ),
      ),
    ])
    expect(await stored()).toEqual([])
  })
})

describe('a new model', () => {
  test('makes due what has no vector of it, page by page, and only that', async () => {
    await storeMany('a', 7)
    await storeMany('b', 5)
    const all = await searching.vectors.takeDue(100, minute)
    await searching.vectors.storeVectors(
      'old',
      all.map((record) => ({ ...record, vector })),
    )
    await searching.vectors.storeVectors('new', [{ tenantId: 'a', id: 'a-004', vector }])
    const pages = []
    for (let place: typeof firstPlace | null = firstPlace; place; ) {
      const { marked, next } = await searching.vectors.markDue('new', place, 4)
      pages.push(marked)
      place = next
    }
    expect(pages.reduce((sum, marked) => sum + marked)).toBe(11)
    expect(pages.length).toBeGreaterThanOrEqual(3)
    expect((await searching.vectors.countDue()).all).toBe(11)
    expect((await searching.vectors.takeDue(100, minute)).map(({ id }) => id)).not.toContain('a-004')
  })

  test('has the vectors of others removed where it has one itself', async () => {
    await storeMany('a', 3)
    const all = await searching.vectors.takeDue(100, minute)
    await searching.vectors.storeVectors(
      'old',
      all.map((record) => ({ ...record, vector })),
    )
    await searching.vectors.storeVectors(
      'new',
      all.slice(0, 2).map((record) => ({ ...record, vector })),
    )
    expect([await searching.vectors.removeOthers('new', 1), await searching.vectors.removeOthers('new')]).toEqual([
      1, 1,
    ])
    expect(await searching.vectors.removeOthers('new')).toBe(0)
    expect(await stored()).toHaveLength(3)
  })
})
