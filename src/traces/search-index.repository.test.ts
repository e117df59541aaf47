import type { Pool } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../test/harness/database.ts'
import { recordLog } from '../../test/harness/recorded-log.ts'
import { until } from '../../test/harness/until.ts'
import { createPool } from '../infra/postgres.ts'
import { createSearchIndexRepository, type SearchIndexRepository } from './search-index.repository.ts'
import { findSearchCandidates } from './trace-search.repository.ts'

describe('the search index', () => {
  let database: TestDatabase
  let pool: Pool
  let index: SearchIndexRepository
  let tenantId: string
  let round = 0

  beforeAll(async () => {
    database = await createDatabase()
    pool = createPool({ databaseUrl: database.url, operationMs: 30_000, logger: recordLog().logger })
    index = createSearchIndexRepository(pool)
  })
  afterAll(async () => {
    await pool.end()
    await database.drop()
  })
  beforeEach(async () => {
    tenantId = `tn_${++round}`
    await pool.query('truncate search_due')
  })

  async function query(text: string, ...values: unknown[]) {
    return (await pool.query(text, [tenantId, ...values])).rows
  }

  async function insertTrace(
    id: string,
    names: { name?: string; model?: string } = {},
    contents: object | null = null,
  ) {
    await query(
      'insert into traces (tenant_id, id, name, model, created_at, updated_at) values ($1, $2, $3, $4, now(), now())',
      id,
      names.name,
      names.model,
    )
    if (contents === null) return
    const { messages, variables, output } = contents as Record<string, unknown>
    const texts = [messages, variables, output].map((value) => value && JSON.stringify(value))
    await query(
      'insert into trace_contents (tenant_id, trace_id, messages, variables, output) values ($1, $2, $3, $4, $5)',
      id,
      ...texts,
    )
  }

  async function storeSpan(traceId: string, id: string, input: unknown, output: unknown = null) {
    await query(
      `insert into span_contents (tenant_id, trace_id, span_id, input, output) values ($1, $2, $3, $4, $5)
       on conflict (tenant_id, trace_id, span_id) do update set input = excluded.input, output = excluded.output`,
      traceId,
      id,
      JSON.stringify(input),
      output && JSON.stringify(output),
    )
  }

  async function makeDue(traceId: string, spanIds: readonly string[]) {
    await query('insert into search_due (tenant_id, trace_id, span_ids) values ($1, $2, $3)', traceId, spanIds)
  }

  async function indexAll(by: SearchIndexRepository = index) {
    while (await by.indexSome());
  }

  async function countDue(): Promise<number> {
    return (await query('select count(*)::int from search_due where tenant_id = $1'))[0].count
  }

  /** Which entries there are, and which of their words are asked for. */
  async function entries(...words: string[]) {
    const rows = await query(
      `select trace_id, span_id, names, array(select unnest(words) intersect select unnest($2::text[]) order by 1) as words
       from search_entries where tenant_id = $1 order by trace_id, span_id`,
      words,
    )
    return rows.map(({ trace_id, span_id, names, words }) => [`${trace_id}/${span_id}`, names, ...words])
  }

  /** Which connection writes, and can't get on. */
  async function waitingIndexer(): Promise<number> {
    const waiting = `
      select pid from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query like '%delete from search_due%'`
    return until(async () => (await pool.query(waiting)).rows[0]?.pid)
  }

  function find(search: string, limit = 100) {
    return findSearchCandidates(pool, tenantId, search, limit)
  }

  test('is filled with what is due: of a trace its names and contents, of spans what went in and out', async () => {
    await insertTrace(
      't1',
      { name: 'Ticket 7', model: 'gpt-4o' },
      { messages: ['hello'], variables: { city: 'Köln' }, output: 'bye' },
    )
    await storeSpan('t1', 's1', { question: 'why' }, ['because'])
    await storeSpan('t1', 's2', 'unasked')
    await insertTrace('t2', { name: 'Other' })
    await makeDue('t1', ['', 's1', 'gone'])
    await makeDue('t2', [])
    await indexAll()
    expect(await entries('hello', 'city', 'köln', 'bye', 'question', 'why', 'because', 'unasked')).toEqual([
      ['t1/', 'gpt-4o\nticket 7', 'bye', 'hello', 'köln'],
      ['t1/s1', null, 'because', 'why'],
      ['t2/', 'other'],
    ])
    expect(await countDue()).toBe(0)
    expect(await find('BYE hello')).toEqual(['t1'])
    expect(await find('why because')).toEqual(['t1'])
    expect(await find('hello why'), 'not in one piece').toEqual([])
    expect(await find('cket')).toEqual(['t1'])
    expect(await find('4O\nTick'), 'across two names').toEqual([])
    expect(await find('t')).toEqual(['t1', 't2'])
    expect(await find('t', 1), 'more than that').toBeNull()
  })

  test('takes a trace itself only where it is named, and writes only what has changed', async () => {
    await insertTrace('t1', { name: 'before' })
    await storeSpan('t1', 's1', 'old')
    await storeSpan('t1', 's2', 'same')
    await makeDue('t1', ['', 's1', 's2'])
    await indexAll()
    const versions = () => query('select span_id, xmin::text from search_entries where tenant_id = $1 order by 1')
    const before = await versions()
    await query("update traces set name = 'after' where tenant_id = $1")
    await storeSpan('t1', 's1', 'new')
    await makeDue('t1', ['s1', 's2', 's1'])
    await makeDue('t1', ['s1'])
    await indexAll()
    expect(await entries('old', 'new', 'same')).toEqual([
      ['t1/', 'before'],
      ['t1/s1', null, 'new'],
      ['t1/s2', null, 'same'],
    ])
    const after = await versions()
    expect([after[0], after[2]]).toEqual([before[0], before[2]])
    expect(after[1]).not.toEqual(before[1])
  })

  test('keeps tenants apart', async () => {
    const mine = tenantId
    for (const id of [mine, `${mine}_other`]) {
      tenantId = id
      await insertTrace('t1', { name: `of ${id}` }, { output: 'shared' })
      await makeDue('t1', [''])
    }
    tenantId = mine
    await indexAll()
    expect(await find('shared')).toEqual(['t1'])
    expect(await find('other')).toEqual([])
  })

  test('takes a long list of spans in pieces, and large contents no further than their beginning', async () => {
    await insertTrace('t1')
    const ids = Array.from({ length: 250 }, (_, n) => `s${String(n).padStart(3, '0')}`)
    for (const id of ids) await storeSpan('t1', id, `word ${id}`)
    await makeDue('t1', [...ids, ''])
    expect(await index.indexSome()).toBe(true)
    expect(await entries()).toHaveLength(100)
    expect(await query('select cardinality(span_ids) from search_due where tenant_id = $1')).toEqual([
      { cardinality: 151 },
    ])
    await indexAll()
    expect(await entries()).toHaveLength(251)
    expect(await countDue()).toBe(0)

    const many = Array.from({ length: 30_000 }, (_, n) => `w${n}`)
    await storeSpan('t1', 'big', ['first', 'x '.repeat(60_000), 'last'], many)
    for (let n = 0; n < 5; n++) await storeSpan('t1', `big${n}`, many, many.slice(n))
    await makeDue('t1', ['big', 'big0', 'big1', 'big2', 'big3', 'big4'])
    await index.indexSome()
    expect(await query('select cardinality(span_ids) from search_due where tenant_id = $1')).toEqual([
      { cardinality: 4 },
    ])
    await indexAll()
    expect(await countDue()).toBe(0)
    const [sizes] = await query(
      "select min(cardinality(words)), max(cardinality(words)) from search_entries where tenant_id = $1 and span_id like 'big%'",
    )
    expect(sizes).toEqual({ min: 10_000, max: 10_000 })
    expect(await find('first w1')).toEqual(['t1'])
    expect(await find('last')).toEqual([])
  })

  test('is filled by several at once, each trace by one of them', async () => {
    const traces = Array.from({ length: 40 }, (_, n) => `t${String(n).padStart(2, '0')}`)
    for (const id of traces) {
      await insertTrace(id, { name: id })
      for (let n = 0; n < 5; n++) await storeSpan(id, `s${n}`, `first ${id}`)
      await makeDue(id, ['', 's0', 's1', 's2', 's3', 's4'])
    }
    // While they are at it, everything changes and is due again.
    const changing = (async () => {
      for (const id of traces) {
        for (let n = 0; n < 5; n++) {
          await storeSpan(id, `s${n}`, `second ${id}`)
          await makeDue(id, [`s${n}`])
        }
      }
    })()
    await Promise.all([indexAll(), indexAll(), indexAll(), changing])
    await Promise.all([indexAll(), indexAll()])
    expect(await countDue()).toBe(0)
    const expected = traces.flatMap((id) => [
      [`${id}/`, id],
      ...[0, 1, 2, 3, 4].map((n) => [`${id}/s${n}`, null, 'second']),
    ])
    expect(await entries('first', 'second')).toEqual(expected)
  })

  test('leaves a trace to whoever is at it, and what they did not see stays due', async () => {
    await insertTrace('t1')
    await storeSpan('t1', 's1', 'old')
    await makeDue('t1', ['s1'])
    const other = await pool.connect()
    await other.query('begin')
    await other.query(`select pg_advisory_xact_lock(hashtextextended('${tenantId}/t1', 0))`)
    expect(await index.indexSome()).toBe(false)
    expect(await countDue()).toBe(1)
    await other.query('commit')
    other.release()
    await indexAll()
    expect(await entries('old')).toEqual([['t1/s1', null, 'old']])
  })

  test('what one did that was killed in the middle is due as before', async () => {
    await insertTrace('t1', { name: 'survivor' })
    await storeSpan('t1', 's1', 'word')
    await makeDue('t1', ['', 's1'])
    const gate = await pool.connect()
    await gate.query('begin; lock table search_entries in exclusive mode')
    const killed = index.indexSome().catch((error) => error)
    await pool.query('select pg_terminate_backend($1)', [await waitingIndexer()])
    expect(await killed).toBeInstanceOf(Error)
    await gate.query('commit')
    gate.release()
    expect(await entries()).toEqual([])
    expect(await countDue()).toBe(1)
    await indexAll()
    expect(await entries('word')).toEqual([
      ['t1/', 'survivor'],
      ['t1/s1', null, 'word'],
    ])
  })

  test.each([
    ['is removed', false],
    ['is removed, and another made of its id,', true],
  ])('a trace that %s while its contents are looked through gets no entry', async (_, isMadeAgain) => {
    await insertTrace('t1', { name: 'secret' })
    await storeSpan('t1', 's1', 'secret')
    await makeDue('t1', ['', 's1'])
    const remover = await pool.connect()
    await remover.query('begin')
    await remover.query("select from traces where tenant_id = $1 and id = 't1' for update", [tenantId])
    const indexed = index.indexSome()
    await waitingIndexer()
    await remover.query("delete from search_entries where tenant_id = $1 and trace_id = 't1'", [tenantId])
    await remover.query("delete from span_contents where tenant_id = $1 and trace_id = 't1'", [tenantId])
    await remover.query("delete from traces where tenant_id = $1 and id = 't1'", [tenantId])
    if (isMadeAgain) {
      await remover.query(
        `insert into traces (tenant_id, id, created_at, updated_at) values ($1, 't1', now() + interval '1 ms', now())`,
        [tenantId],
      )
    }
    await remover.query('commit')
    remover.release()
    expect(await indexed).toBe(true)
    expect(await entries()).toEqual([])
    expect(await countDue()).toBe(0)
  })

  test('a trace that is being removed goes with the entries that it got in between', async () => {
    await insertTrace('t1', { name: 'secret' })
    await makeDue('t1', [''])
    const indexer = await pool.connect()
    // As the indexer does when it writes.
    await indexer.query('begin')
    await indexer.query("select from traces where tenant_id = $1 and id = 't1' for key share", [tenantId])
    const removed = query("select from traces where tenant_id = $1 and id = 't1' for update").then(() =>
      query("delete from search_entries where tenant_id = $1 and trace_id = 't1'"),
    )
    await indexer.query("insert into search_entries (tenant_id, trace_id, span_id) values ($1, 't1', '')", [tenantId])
    await indexer.query('commit')
    indexer.release()
    await removed
    expect(await entries()).toEqual([])
  })

  test('nobody who changes a trace waits for it', async () => {
    await insertTrace('t1', { name: 'busy' })
    await makeDue('t1', [''])
    const ingest = await pool.connect()
    await ingest.query('begin')
    await ingest.query("select from traces where tenant_id = $1 and id = 't1' for no key update", [tenantId])
    await ingest.query("update traces set name = 'changed' where tenant_id = $1 and id = 't1'", [tenantId])
    expect(await index.indexSome()).toBe(true)
    await ingest.query('commit')
    ingest.release()
    expect(await entries()).toEqual([['t1/', 'busy']])
  })
})
