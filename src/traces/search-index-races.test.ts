import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  createSearchDatabase,
  indexAll,
  type SearchDatabase,
  type SearchTables,
} from '../../test/harness/search-tables.ts'
import { until } from '../../test/harness/until.ts'
import { createTraceRepository } from './trace.repository.ts'

describe('the search index, when others are at it too', () => {
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

  /** Which connection writes, and can't get on. */
  async function waitingIndexer(): Promise<number> {
    const waiting = `
      select pid from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query like '%delete from search_due%'`
    return until(async () => (await pool.query(waiting)).rows[0]?.pid)
  }

  test('is filled by several at once, each trace by one of them', async () => {
    const traces = Array.from({ length: 40 }, (_, n) => `t${String(n).padStart(2, '0')}`)
    for (const id of traces) {
      await tables.insertTrace(id, { name: id })
      for (let n = 0; n < 5; n++) await tables.storeSpan(id, `s${n}`, `first ${id}`)
      await tables.makeDue(id, ['', 's0', 's1', 's2', 's3', 's4'])
    }
    // While they are at it, everything changes and is due again.
    const changing = (async () => {
      for (const id of traces) {
        for (let n = 0; n < 5; n++) {
          await tables.storeSpan(id, `s${n}`, `second ${id}`)
          await tables.makeDue(id, [`s${n}`])
        }
      }
    })()
    await Promise.all([indexAll(index), indexAll(index), indexAll(index), changing])
    await Promise.all([indexAll(index), indexAll(index)])
    expect(await tables.countDue()).toBe(0)
    const expected = traces.flatMap((id) => [
      [`${id}/`, id],
      ...[0, 1, 2, 3, 4].map((n) => [`${id}/s${n}`, null, 'second']),
    ])
    expect(await tables.entries('first', 'second')).toEqual(expected)
  })

  test('leaves a trace to whoever is at it, and what they did not see stays due', async () => {
    await tables.insertTrace('t1')
    await tables.storeSpan('t1', 's1', 'old')
    await tables.makeDue('t1', ['s1'])
    const other = await pool.connect()
    await other.query('begin')
    await other.query(`select pg_advisory_xact_lock(hashtextextended('${tables.tenantId}/t1', 0))`)
    expect(await index.indexSome()).toBe(false)
    expect(await tables.countDue()).toBe(1)
    await other.query('commit')
    other.release()
    await indexAll(index)
    expect(await tables.entries('old')).toEqual([['t1/s1', null, 'old']])
  })

  test('what one did that was killed in the middle is due as before', async () => {
    await tables.insertTrace('t1', { name: 'survivor' })
    await tables.storeSpan('t1', 's1', 'word')
    await tables.makeDue('t1', ['', 's1'])
    const gate = await pool.connect()
    await gate.query('begin; lock table search_entries in exclusive mode')
    const killed = index.indexSome().catch((error) => error)
    await pool.query('select pg_terminate_backend($1)', [await waitingIndexer()])
    expect(await killed).toBeInstanceOf(Error)
    await gate.query('commit')
    gate.release()
    expect(await tables.entries()).toEqual([])
    expect(await tables.countDue()).toBe(1)
    await indexAll(index)
    expect(await tables.entries('word')).toEqual([
      ['t1/', 'survivor'],
      ['t1/s1', null, 'word'],
    ])
  })

  test('a trace that is removed while its contents are looked through gets no entry', async () => {
    await tables.insertTrace('t1', { name: 'secret' })
    await tables.storeSpan('t1', 's1', 'secret')
    await tables.makeDue('t1', ['', 's1'])
    const remover = await pool.connect()
    await remover.query('begin')
    await remover.query("select from traces where tenant_id = $1 and id = 't1' for update", [tables.tenantId])
    const indexed = index.indexSome()
    await waitingIndexer()
    await remover.query("delete from traces where tenant_id = $1 and id = 't1'", [tables.tenantId])
    await remover.query('commit')
    remover.release()
    expect(await indexed).toBe(true)
    expect(await tables.entries()).toEqual([])
    expect(await tables.countDue()).toBe(0)
  })

  test('nor does another that was made of its id in the meantime', async () => {
    await tables.insertTrace('t1', { name: 'secret' })
    await tables.makeDue('t1', [''])
    const gate = await pool.connect()
    await gate.query('begin; lock table search_entries in exclusive mode')
    const indexed = index.indexSome()
    await waitingIndexer()
    await tables.query("delete from traces where tenant_id = $1 and id = 't1'")
    await tables.insertTrace('t1', { name: 'public' })
    await gate.query('commit')
    gate.release()
    expect(await indexed).toBe(true)
    expect(await tables.entries()).toEqual([])
  })

  test('however it meets the removal of traces, no entry of them is left', async () => {
    const traces = createTraceRepository(pool)
    const ids = Array.from({ length: 60 }, (_, n) => `t${n}`)
    for (const id of ids) {
      await tables.insertTrace(id, { name: 'secret' })
      await tables.storeSpan(id, 's1', 'secret')
      await tables.makeDue(id, ['', 's1'])
    }
    const removing = (async () => {
      for (const id of ids.slice(10)) await traces.removeTraces(tables.tenantId, [id], new Date())
    })()
    await Promise.all([removing, indexAll(index), ...ids.map(() => index.indexSome())])
    await indexAll(index)
    expect(await tables.entries()).toHaveLength(20)
    expect(await tables.countDue()).toBe(0)
  })

  test('nobody who changes a trace waits for it', async () => {
    await tables.insertTrace('t1', { name: 'busy' })
    await tables.makeDue('t1', [''])
    const ingest = await pool.connect()
    await ingest.query('begin')
    await ingest.query("select from traces where tenant_id = $1 and id = 't1' for no key update", [tables.tenantId])
    await ingest.query("update traces set name = 'changed' where tenant_id = $1 and id = 't1'", [tables.tenantId])
    expect(await index.indexSome()).toBe(true)
    await ingest.query('commit')
    ingest.release()
    expect(await tables.entries()).toEqual([['t1/', 'busy']])
  })
})
