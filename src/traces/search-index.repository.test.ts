import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  createSearchDatabase,
  indexAll,
  openSearchTables,
  type SearchDatabase,
  type SearchTables,
} from '../../test/harness/search-tables.ts'
import { createSearchIndexRepository } from './search-index.repository.ts'

describe('the search index', () => {
  let database: SearchDatabase
  let pool: SearchDatabase['pool']
  let index: SearchDatabase['index']
  let tables: SearchTables

  beforeAll(async () => {
    database = await createSearchDatabase()
    pool = database.pool
    index = database.index
  })
  afterAll(() => database.drop())
  beforeEach(async () => {
    tables = await database.openTables()
  })

  test('is filled with what is due: of a trace its names and contents, of spans what went in and out', async () => {
    await tables.insertTrace(
      't1',
      { name: 'Ticket 7', model: 'gpt-4o' },
      { messages: ['hello'], variables: { city: 'Köln' }, output: 'bye' },
    )
    await tables.storeSpan('t1', 's1', { question: 'why' }, ['because'])
    await tables.storeSpan('t1', 's2', 'unasked')
    await tables.insertTrace('t2', { name: 'Other' })
    await tables.makeDue('t1', ['', 's1', 'gone'])
    await tables.makeDue('t2', [])
    await indexAll(index)
    expect(await tables.entries('hello', 'city', 'köln', 'bye', 'question', 'why', 'because', 'unasked')).toEqual([
      ['t1/', 'gpt-4o\nticket 7', 'bye', 'hello', 'köln'],
      ['t1/s1', null, 'because', 'why'],
      ['t2/', 'other'],
    ])
    expect(await tables.countDue()).toBe(0)
    expect(await tables.find('BYE hello')).toEqual(['t1'])
    expect(await tables.find('why because')).toEqual(['t1'])
    expect(await tables.find('hello why'), 'not in one piece').toEqual([])
    expect(await tables.find('cket')).toEqual(['t1'])
    expect(await tables.find('4O\nTick'), 'across two names').toEqual([])
    expect(await tables.find('t')).toEqual(['t1', 't2'])
    expect(await tables.find('t', 1), 'more than that').toBeNull()
  })

  test('takes a trace itself only where it is named, and writes only what has changed', async () => {
    await tables.insertTrace('t1', { name: 'before' })
    await tables.storeSpan('t1', 's1', 'old')
    await tables.storeSpan('t1', 's2', 'same')
    await tables.makeDue('t1', ['', 's1', 's2'])
    await indexAll(index)
    const versions = () =>
      tables.query('select span_id, xmin::text from search_entries where tenant_id = $1 order by 1')
    const before = await versions()
    await tables.query("update traces set name = 'after' where tenant_id = $1")
    await tables.storeSpan('t1', 's1', 'new')
    await tables.makeDue('t1', ['s1', 's2', 's1'])
    await tables.makeDue('t1', ['s1'])
    await indexAll(index)
    expect(await tables.entries('old', 'new', 'same')).toEqual([
      ['t1/', 'before'],
      ['t1/s1', null, 'new'],
      ['t1/s2', null, 'same'],
    ])
    const after = await versions()
    expect([after[0], after[2]]).toEqual([before[0], before[2]])
    expect(after[1]).not.toEqual(before[1])
  })

  test('keeps tenants apart', async () => {
    const other = openSearchTables(pool, `${tables.tenantId}_other`)
    for (const each of [tables, other]) {
      await each.insertTrace('t1', { name: `of ${each.tenantId}` }, { output: 'shared' })
      await each.makeDue('t1', [''])
    }
    await indexAll(index)
    expect(await tables.find('shared')).toEqual(['t1'])
    expect(await tables.find('other')).toEqual([])
  })

  test('takes a long list of spans in pieces, and large contents no further than their beginning', async () => {
    await tables.insertTrace('t1')
    const ids = Array.from({ length: 250 }, (_, n) => `s${String(n).padStart(3, '0')}`)
    for (const id of ids) await tables.storeSpan('t1', id, `word ${id}`)
    await tables.makeDue('t1', [...ids, ''])
    expect(await index.indexSome()).toBe(true)
    expect(await tables.entries()).toHaveLength(100)
    expect(await tables.query('select cardinality(span_ids) from search_due where tenant_id = $1')).toEqual([
      { cardinality: 151 },
    ])
    await indexAll(index)
    expect(await tables.entries()).toHaveLength(251)
    expect(await tables.countDue()).toBe(0)

    const many = Array.from({ length: 30_000 }, (_, n) => `w${n}`)
    await tables.storeSpan('t1', 'big', ['first', 'x '.repeat(60_000), 'last'], many)
    for (let n = 0; n < 5; n++) await tables.storeSpan('t1', `big${n}`, many, many.slice(n))
    await tables.makeDue('t1', ['big', 'big0', 'big1', 'big2', 'big3', 'big4'])
    await index.indexSome()
    expect(await tables.query('select cardinality(span_ids) from search_due where tenant_id = $1')).toEqual([
      { cardinality: 4 },
    ])
    await indexAll(index)
    expect(await tables.countDue()).toBe(0)
    const [sizes] = await tables.query(
      "select min(cardinality(words)), max(cardinality(words)) from search_entries where tenant_id = $1 and span_id like 'big%'",
    )
    expect(sizes).toEqual({ min: 10_000, max: 10_000 })
    expect(await tables.find('first w1')).toEqual(['t1'])
    expect(await tables.find('last')).toEqual([])
  })

  test('sorts new words into the index once there are enough of them', async () => {
    const clean = `select gin_clean_pending_list('search_entries_by_words')::int as pages`
    await pool.query(clean)
    await tables.insertTrace('t1', { name: 'two words' })
    await tables.makeDue('t1', [])
    await indexAll(index)
    expect((await pool.query(clean)).rows[0].pages).toBeGreaterThan(0)
    await tables.insertTrace('t2', { name: 'two more' })
    await tables.makeDue('t2', [])
    await indexAll(createSearchIndexRepository(pool, { sortInAfterWords: 2 }))
    expect((await pool.query(clean)).rows[0].pages).toBe(0)
    expect(await tables.find('two')).toEqual(['t1', 't2'])
  })
})
