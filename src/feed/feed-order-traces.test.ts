import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { computeCosts } from '../../test/harness/expected-traces.ts'
import { chance, oneOf } from '../../test/harness/feed-traffic.ts'
import { createPostgres, swiftSettings, type TestPostgres } from '../../test/harness/postgres.ts'
import { recordLog } from '../../test/harness/recorded-log.ts'
import { mergedOf, said } from '../../test/harness/said.ts'
import { expectedEvents, recordHistory, toldEvents } from '../../test/harness/trace-history.ts'
import { until } from '../../test/harness/until.ts'
import { createIngestPool, createPool } from '../infra/postgres.ts'
import { createIngestRepository, type IngestRepository } from '../traces/ingest.repository.ts'
import type { Batch } from '../traces/record.ts'
import { createTraceRepository, type TraceRepository } from '../traces/trace.repository.ts'

/** The changes of one trace wait for each other, by its row: the feed has them in the order in which they were made. */
describe('the changes of a trace stand in the feed as they were made', () => {
  let postgres: TestPostgres
  let pools: pg.Pool[]
  let pool: pg.Pool
  let ingest: IngestRepository
  let traces: TraceRepository
  let tenants = 0

  beforeAll(async () => {
    postgres = await createPostgres({ settings: { ...swiftSettings, deadlock_timeout: '20ms' }, isMigrated: true })
    const options = { databaseUrl: postgres.url, operationMs: 30_000, logger: recordLog().logger }
    pool = createPool(options)
    pools = [pool, createIngestPool(options)]
    ingest = createIngestRepository(pools[1] as pg.Pool)
    traces = createTraceRepository(pool)
    await recordHistory(pool, 4)
  })
  afterAll(async () => {
    for (const each of pools) await each.end()
    await postgres.end()
  })

  const now = new Date('2026-11-21T12:00:00.000Z')
  const store = (tenantId: string, batch: Batch) =>
    ingest.storeBatch(tenantId, batch, { now, month: '2026-11', computeCosts })

  async function makeTenant(): Promise<string> {
    const id = `tn_${++tenants}`
    await pool.query('insert into tenants (id, slug, name) values ($1, $1, $1)', [id])
    return id
  }

  async function expectOrdered(tenantId: string, ...traceIds: string[]): Promise<number[][]> {
    const told = await Promise.all(traceIds.map((id) => toldEvents(pool, tenantId, id)))
    for (const [index, id] of traceIds.entries()) {
      expect(told[index]).toEqual(await expectedEvents(pool, tenantId, id))
    }
    return told.map((events) => events.map(({ kind }) => kind))
  }

  const changes = Number(process.env.FEED_CHANGES ?? 1_000)
  const [created, updated, finished, deleted] = [0, 1, 2, 3]

  test('whatever is said of them, set and removed at once', async () => {
    const tenantId = await makeTenant()
    const ids = ['one', 'two', 'drei']
    const words = fc.sample(said, changes * 2)
    const failures: string[] = []

    const changesOf = {
      store: () => store(tenantId, mergedOf(words.splice(0, oneOf([1, 1, 2, 5])))),
      set: () => traces.setOutcome(tenantId, oneOf(ids), { success: chance(0.5), outcome: oneOf([null, 'a']) }, now),
      remove: () => traces.removeTraces(tenantId, chance(0.5) ? [oneOf(ids)] : ids, now),
    }

    async function change(): Promise<void> {
      const name = chance(0.7) ? 'store' : chance(0.5) ? 'set' : 'remove'
      try {
        await changesOf[name]()
      } catch (error) {
        failures.push(`${name}: ${(error as { code?: string }).code ?? error}`)
      }
    }

    const share = Math.ceil(changes / 8)
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let more = 0; more < share; more++) await change()
      }),
    )
    for (const kinds of await expectOrdered(tenantId, ...ids)) {
      expect(new Set(kinds)).toEqual(new Set([created, updated, finished, deleted]))
      expect(kinds.length).toBeGreaterThan(changes / 10)
      expectWhole(kinds)
    }
    // Whoever stores gives up at the tenth try, and has done nothing; the others are few and wait.
    expect(failures.filter((failure) => !failure.startsWith('store'))).toEqual([])
    expect(failures.length).toBeLessThan(changes / 100)
  })

  /** Of one life after another: begun once, ended once, and nothing in between or after. */
  function expectWhole(kinds: readonly number[]): void {
    const lives = kinds.map((kind) => 'CUFD'[kind]).join('')
    expect(lives).toMatch(/^(CF?(UF?)*D)*(CF?(UF?)*)?$/)
  }

  async function isWaiting(client: pg.Client | pg.Pool, count: number): Promise<boolean> {
    const { rows } = await client.query(
      `select count(*)::int from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    )
    return rows[0].count === count
  }

  test('by transactions that began long before', async () => {
    const tenantId = await makeTenant()
    await store(tenantId, mergedOf([{ trace: { id: 'one' } }]))
    const client = await pool.connect()
    await client.query('begin; select pg_current_xact_id()')
    for (const model of ['b', 'bb', 'bbb']) await store(tenantId, mergedOf([{ trace: { id: 'one', model } }]))
    await client.query('select from traces where tenant_id = $1 for update', [tenantId])
    await client.query('update traces set agent = $2 where tenant_id = $1', [tenantId, 'late'])
    await client.query(
      `insert into feed (tenant_id, kind, trace_id, span_ids, before, at) values ($1, 1, 'one', '{}', null, now())`,
      [tenantId],
    )
    await client.query('commit')
    client.release()
    const told = await toldEvents(pool, tenantId, 'one')
    const expected = await expectedEvents(pool, tenantId, 'one')
    expect(told.map(({ xid }) => xid)).toEqual(expected.map(({ xid }) => xid))
  })

  /**
   * A batch looks which of its traces are there, and begins to store them. Before it has come to one that was not there,
   * somebody else makes that one and removes it again.
   */
  test('though it was made and removed by others while a batch was on its way to it', async () => {
    const tenantId = await makeTenant()
    const other = new pg.Client({ connectionString: postgres.url })
    await other.connect()
    await other.query('begin')
    const insert = 'insert into traces (tenant_id, id, created_at, updated_at) values ($1, $2, now(), now())'
    await other.query(insert, [tenantId, 'a'])
    const stored = store(tenantId, mergedOf([{ trace: { id: 'a' } }, { trace: { id: 'z', model: 'second' } }]))
    await until(() => isWaiting(pool, 1))
    await store(tenantId, mergedOf([{ trace: { id: 'z', model: 'first' } }]))
    await traces.removeTraces(tenantId, ['z'], now)
    await other.query('rollback')
    await other.end()
    await stored
    expect(await expectOrdered(tenantId, 'z')).toEqual([[created, deleted, created]])
  })

  test('when a batch waited for its removal', async () => {
    const tenantId = await makeTenant()
    await store(tenantId, mergedOf([{ trace: { id: 'one', model: 'first' } }]))
    const other = new pg.Client({ connectionString: postgres.url })
    await other.connect()
    await other.query('begin')
    await other.query('select from traces where tenant_id = $1 for update', [tenantId])
    const removed = traces.removeTraces(tenantId, ['one'], now)
    await until(() => isWaiting(pool, 1))
    const stored = store(tenantId, mergedOf([{ trace: { id: 'one', status: 1 } }]))
    await until(() => isWaiting(pool, 2))
    const set = traces.setOutcome(tenantId, 'one', { success: true, outcome: 'late' }, now)
    await until(() => isWaiting(pool, 3))
    await other.query('commit')
    await other.end()
    await Promise.all([removed, stored, set])
    const [kinds = []] = await expectOrdered(tenantId, 'one')
    expectWhole(kinds)
    expect(kinds.slice(0, 2)).toEqual([created, deleted])
  })
})
