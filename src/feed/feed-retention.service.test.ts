import type { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase, withDatabase } from '../../test/harness/database.ts'
import { recordLog } from '../../test/harness/recorded-log.ts'
import { until } from '../../test/harness/until.ts'
import { createPool } from '../infra/postgres.ts'
import { createFeedRetentionRepository, type FeedRetentionRepository } from './feed-retention.repository.ts'
import { createFeedRetentionService } from './feed-retention.service.ts'

/** Every row here is of a place that all transactions of this cluster are beyond, unless it says otherwise. */
describe('the retention of the feed', () => {
  const hours = 72
  let database: TestDatabase
  let pools: Pool[]
  let repository: FeedRetentionRepository
  let tenants = 0

  beforeAll(async () => {
    database = await createDatabase()
    const options = { databaseUrl: database.url, operationMs: 30_000, logger: recordLog().logger }
    pools = [createPool(options), createPool(options)]
    repository = createFeedRetentionRepository(pool())
  })
  afterAll(async () => {
    for (const each of pools) await each.end()
    await database.drop()
  })

  function pool(index = 0): Pool {
    return pools[index] as Pool
  }

  async function query(text: string, values: unknown[] = []) {
    return (await pool().query(text, values)).rows
  }

  async function makeTenant(): Promise<string> {
    const id = `tn_${String(++tenants).padStart(5, '0')}`
    await query('insert into tenants (id, slug, name) values ($1, $1, $1)', [id])
    return id
  }

  /** Events of these ages in hours, 300 of each place. */
  async function insert(tenantId: string, ages: readonly number[], firstPlace = '10') {
    await query(
      `insert into feed (tenant_id, place, kind, trace_id, span_ids, at)
       select $1, ($3::bigint + (n - 1) / 300)::text::xid8, 1, 'event ' || n, '{}', now() - age * interval '1 hour'
       from unnest($2::float8[]) with ordinality as ages(age, n) order by n`,
      [tenantId, ages, firstPlace],
    )
  }

  async function eventsOf(tenantId: string): Promise<string[]> {
    const rows = await query('select trace_id from feed where tenant_id = $1 order by place, id', [tenantId])
    return rows.map(({ trace_id }) => trace_id)
  }

  async function floorOf(tenantId: string): Promise<string | undefined> {
    const rows = await query(`select place || ' ' || id as floor from feed_floors where tenant_id = $1`, [tenantId])
    return rows[0]?.floor
  }

  async function positionsOf(tenantId: string): Promise<string[]> {
    const text = `select place || ' ' || id as position from feed where tenant_id = $1 order by place, id`
    return (await query(text, [tenantId])).map(({ position }) => position)
  }

  function makeService(feed: FeedRetentionRepository = repository) {
    const removed: unknown[] = []
    const future: unknown[] = []
    const service = createFeedRetentionService({
      feed,
      hours,
      onRemoved: (each) => removed.push(each),
      onFuture: (each) => future.push(each),
    })
    return { removed, future, trim: (signal?: AbortSignal) => service.trim(new Date(), signal) }
  }

  /** Says of each batch how many rows it removed, and lets some fail. */
  function recordBatches(failsAt?: number) {
    const batches: number[] = []
    const feed: FeedRetentionRepository = {
      ...repository,
      async removeBefore(...given) {
        if (batches.length === failsAt) throw new Error('killed')
        const rows = await repository.removeBefore(...given)
        batches.push(rows)
        return rows
      },
    }
    return { batches, feed }
  }

  const longAgo = () => new Date(Date.now() - hours * 3_600_000)
  const old = (count: number) => Array.from({ length: count }, () => hours + 1)

  test('removes the beginning that is old, and nothing behind the first that is not', async () => {
    const tenant = await makeTenant()
    await insert(tenant, [99, 72.1, 73, 99, 71.9, 99, 1])
    const positions = await positionsOf(tenant)
    const service = makeService()
    await service.trim()
    expect(await eventsOf(tenant)).toEqual(['event 5', 'event 6', 'event 7'])
    expect(await floorOf(tenant)).toBe(positions[3])
    expect(service.removed).toEqual([{ tenantId: tenant, rows: 4 }])
    await service.trim()
    expect(await eventsOf(tenant)).toHaveLength(3)
    expect(service.removed).toHaveLength(1)
  })

  test('does not begin a transaction for a tenant that has nothing old, and sets it no floor', async () => {
    const [young, empty] = [await makeTenant(), await makeTenant()]
    await insert(young, [1, 99])
    const { batches, feed } = recordBatches()
    await makeService(feed).trim()
    expect(batches).toEqual([])
    expect(await eventsOf(young)).toHaveLength(2)
    expect([await floorOf(young), await floorOf(empty)]).toEqual([undefined, undefined])
  })

  test('goes on to the last old one, in batches, and leaves an empty feed with its floor', async () => {
    const [long, whole] = [await makeTenant(), await makeTenant()]
    await insert(long, [...old(12_001), 1, 1])
    await insert(whole, old(5_000))
    const [last, whole5000] = [(await positionsOf(long))[12_000], (await positionsOf(whole)).at(-1)]
    const { batches, feed } = recordBatches()
    await makeService(feed).trim()
    expect(batches).toEqual([5_000, 5_000, 2_001, 5_000, 0])
    expect(await eventsOf(long)).toEqual(['event 12002', 'event 12003'])
    expect(await eventsOf(whole)).toEqual([])
    expect([await floorOf(long), await floorOf(whole)]).toEqual([last, whole5000])
  })

  test('reads no more than what it removes, twice, though no statistics tell the planner how long the feed is', async () => {
    const tenant = await makeTenant()
    await query('alter table feed set (autovacuum_enabled = off)')
    await insert(tenant, [...old(10), ...Array.from({ length: 30_000 }, () => 1)])
    const client = await pool().connect()
    const countRead = async () => {
      const reads = 'select idx_tup_fetch + seq_tup_read as read from pg_stat_xact_user_tables where relname = $1'
      return Number((await client.query(reads, ['feed'])).rows[0]?.read ?? 0)
    }
    let read = 0
    const watched = {
      async query(text: string, values?: unknown[]) {
        if (text === 'commit') read += await countRead()
        const result = await client.query(text, values)
        if (text.startsWith('begin')) read -= await countRead()
        return result
      },
      release: () => client.release(),
    }
    const watchedPool = { connect: async () => watched } as unknown as Pool
    expect(await createFeedRetentionRepository(watchedPool).removeBefore(tenant, longAgo(), 5_000)).toBe(10)
    expect(read).toBeGreaterThan(10)
    expect(read).toBeLessThan(30)
    await query('alter table feed reset (autovacuum_enabled)')
  })

  test('leaves what nobody may read yet', async () => {
    const tenant = await makeTenant()
    await insert(tenant, old(1))
    await withDatabase(database.url, async (elsewhere) => {
      await elsewhere.query('begin; select pg_current_xact_id()')
      await query(
        `insert into feed (tenant_id, kind, trace_id, span_ids, at)
         values ($1, 1, 'not settled', '{}', now() - interval '99 hours')`,
        [tenant],
      )
      await makeService().trim()
      expect(await eventsOf(tenant)).toEqual(['not settled'])
      await elsewhere.query('rollback')
    })
    // Others in this cluster may hold it up, too.
    await until(async () => {
      await makeService().trim()
      return (await eventsOf(tenant)).length === 0
    })
  })

  test('is one in effect where two processes do it at once', async () => {
    const some = [await makeTenant(), await makeTenant(), await makeTenant()]
    for (const tenant of some) await insert(tenant, [...old(7_000), 1, 99])
    const lasts = await Promise.all(some.map(async (tenant) => (await positionsOf(tenant))[6_999]))
    const services = pools.map((_, index) => makeService(createFeedRetentionRepository(pool(index))))
    await Promise.all(services.map(({ trim }) => trim()))
    // Who was turned away has left it to the other, who does all of it.
    for (const tenant of some) expect(await eventsOf(tenant)).toEqual(['event 7001', 'event 7002'])
    expect(await Promise.all(some.map(floorOf))).toEqual(lasts)
    const removed = services.flatMap((service) => service.removed as { rows: number }[])
    expect(removed.reduce((sum, { rows }) => sum + rows, 0)).toBe(21_000)
  })

  test('leaves a tenant to the process that is at it', async () => {
    const tenant = await makeTenant()
    await insert(tenant, old(1))
    await withDatabase(database.url, async (elsewhere) => {
      const lock = `select pg_advisory_xact_lock(hashtext('tracemend.feed.trim'), hashtext($1))`
      await elsewhere.query('begin')
      await elsewhere.query(lock, [tenant])
      await makeService().trim()
      expect(await eventsOf(tenant)).toEqual(['event 1'])
    })
    await until(async () => {
      await makeService().trim()
      return (await eventsOf(tenant)).length === 0
    })
  })

  test('loses nothing where it ends between two batches, and goes on from there', async () => {
    const tenant = await makeTenant()
    await insert(tenant, [...old(6_000), 1])
    const positions = await positionsOf(tenant)
    const killed = makeService(recordBatches(1).feed)
    await expect(killed.trim()).rejects.toThrow('the feeds of 1 tenant(s) failed')
    expect(await positionsOf(tenant)).toEqual(positions.slice(5_000))
    expect(await floorOf(tenant)).toBe(positions[4_999])
    expect(killed.removed).toEqual([{ tenantId: tenant, rows: 5_000 }])
    await makeService().trim()
    expect(await positionsOf(tenant)).toEqual(positions.slice(6_000))
    expect(await floorOf(tenant)).toBe(positions[5_999])
  })

  test('ends between two batches when its process is to end', async () => {
    const tenant = await makeTenant()
    await insert(tenant, old(5_001))
    const closing = new AbortController()
    const feed: FeedRetentionRepository = {
      ...repository,
      removeBefore: (...given) => repository.removeBefore(...given).finally(() => closing.abort(new Error('ending'))),
    }
    await expect(makeService(feed).trim(closing.signal)).rejects.toThrow('ending')
    expect(await eventsOf(tenant)).toEqual(['event 5001'])
    await makeService().trim()
  })

  test('removes rows with their floor or not at all; who fails keeps nobody else from theirs', async () => {
    const [first, failing, last] = [await makeTenant(), await makeTenant(), await makeTenant()]
    for (const tenant of [first, failing, last]) await insert(tenant, old(2))
    await query(`
      create function refuse() returns trigger language plpgsql as 'begin raise exception ''not today''; end';
      create trigger refuse before insert on feed_floors for each row
        when (new.tenant_id = '${failing}') execute function refuse()`)
    const failure = await makeService()
      .trim()
      .catch((error) => error)
    expect(failure.errors.map(String)).toEqual(['error: not today'])
    await query('drop trigger refuse on feed_floors')
    expect(await eventsOf(failing)).toHaveLength(2)
    expect([await eventsOf(first), await eventsOf(last)]).toEqual([[], []])
    await makeService().trim()
    expect(await eventsOf(failing)).toEqual([])
  })

  test('comes to every tenant', async () => {
    const many = Array.from({ length: 1_002 }, (_, n) => `tn_many${String(n).padStart(4, '0')}`)
    await query('insert into tenants (id, slug, name) select id, id, id from unnest($1::text[]) id', [many])
    const some = [many[0], many[999], many[1_000], many[1_001]] as string[]
    for (const tenant of some) await insert(tenant, old(1))
    const service = makeService()
    await service.trim()
    expect(service.removed).toEqual(some.map((tenantId) => ({ tenantId, rows: 1 })))
    await query('delete from tenants where id = any($1)', [many])
  })

  test('removes what the dump of another cluster brought, says so, and goes on with the rest', async () => {
    const [restored, young, floor] = [await makeTenant(), await makeTenant(), await makeTenant()]
    const [{ future }] = await query(
      `select (pg_snapshot_xmax(pg_current_snapshot())::text::bigint + 1000000)::text as future`,
    )
    await insert(restored, [99, 1])
    await insert(
      restored,
      Array.from({ length: 5_001 }, () => 1),
      future,
    )
    await query('insert into feed_floors (tenant_id, place, id) values ($1, $2, 7)', [restored, future])
    await insert(young, [1])
    await insert(young, [1, 99], future)
    await query('insert into feed_floors (tenant_id, place, id) values ($1, $2, 7)', [floor, future])
    const first = (await positionsOf(restored))[0]
    const service = makeService()
    await service.trim()
    expect(service.future).toEqual([
      { tenantId: restored, rows: 5_001, floors: 1 },
      { tenantId: young, rows: 2, floors: 0 },
      { tenantId: floor, rows: 0, floors: 1 },
    ])
    expect(await eventsOf(restored)).toEqual(['event 2'])
    expect(await eventsOf(young)).toEqual(['event 1'])
    expect([await floorOf(restored), await floorOf(young), await floorOf(floor)]).toEqual([first, undefined, undefined])
    await service.trim()
    expect(service.future).toHaveLength(3)
  })
})
