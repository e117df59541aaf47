import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  chance,
  insertEvents,
  isVisibleIn,
  makeTraffic,
  oneOf,
  readAlong,
  writeTransactions,
} from '../../test/harness/feed-traffic.ts'
import { createPostgres, swiftSettings, type TestPostgres } from '../../test/harness/postgres.ts'
import { recordLog } from '../../test/harness/recorded-log.ts'
import { createPool } from '../infra/postgres.ts'
import { createFeedRepository, type FeedRepository } from './feed.repository.ts'
import { cursorOf } from './feed.ts'

interface Row {
  tenantId: string
  place: bigint
  id: bigint
  xid: bigint
}

describe('the order of the feed', () => {
  let postgres: TestPostgres
  let pool: pg.Pool
  let feed: FeedRepository
  let clients: pg.Client[]

  beforeAll(async () => {
    postgres = await createPostgres({ settings: swiftSettings, isMigrated: true })
    pool = createPool({ databaseUrl: postgres.url, operationMs: 30_000, logger: recordLog().logger })
    feed = createFeedRepository(pool)
    clients = Array.from({ length: 12 }, () => new pg.Client({ connectionString: postgres.url }))
    await Promise.all(clients.map((client) => client.connect()))
  })
  afterAll(async () => {
    await Promise.all([...clients.map((client) => client.end()), pool.end()])
    await postgres.end()
  })
  beforeEach(() => pool.query('truncate feed'))

  async function rowsOf(tenantId?: string): Promise<Row[]> {
    const { rows } = await pool.query(
      `select tenant_id, place::text, id::text, xid::text from feed f where tenant_id = coalesce($1, tenant_id)
       order by f.place, f.id`,
      [tenantId],
    )
    return rows.map(({ tenant_id, place, id, xid }) => ({
      tenantId: tenant_id,
      place: BigInt(place),
      id: BigInt(id),
      xid: BigInt(xid),
    }))
  }

  const transactions = Number(process.env.FEED_TRANSACTIONS ?? 4_000)

  test('is the same for everybody, and whole, in whatever order transactions commit', async () => {
    const traffic = makeTraffic(['tn_one', 'tn_two', 'tn_three'])
    const horizons: { horizon: bigint; below: number }[] = []
    let isOver = false

    /** Whoever looks may see the horizon at any time: what stands below it then is all that ever will. */
    async function watchHorizon(): Promise<void> {
      while (!isOver) {
        const { rows } = await pool.query(`
          select pg_snapshot_xmin(now)::text as horizon,
            (select count(*)::int from feed where place < pg_snapshot_xmin(now)) as below
          from pg_current_snapshot() as now`)
        horizons.push({ horizon: BigInt(rows[0].horizon), below: rows[0].below })
        await pause(Math.random() * 20)
      }
    }

    const share = Math.ceil(transactions / clients.length)
    const written = Promise.all(clients.map((client) => writeTransactions(client, traffic, share)))
    const readers = Array.from({ length: 30 }, async () => {
      await pause(Math.random() * 3_000)
      return readAlong(feed, traffic, () => isOver)
    })
    const watched = watchHorizon()
    await written
    isOver = true
    const [told] = await Promise.all([Promise.all(readers), watched])

    const rows = await rowsOf()
    expect(traffic.commits.size).toBeGreaterThan(transactions * 0.8)
    const disorder = rows.filter(({ xid }, index) => xid < (rows[index - 1]?.xid ?? 0n))
    expect(disorder.length).toBeGreaterThan(100)
    for (const { tenantId, start, positions } of told) {
      const expected = rows.filter(
        (row) => row.tenantId === tenantId && !isVisibleIn(start.snapshot, row.xid) && row.xid !== start.own,
      )
      expect(positions).toEqual(expected.map(({ place, id }) => `${place} ${id}`))
    }
    // What is visible is what the test knows of: committed before it asked, and not committed before it was answered.
    const mistold = told.flatMap(({ tenantId, began, positions }) => {
      const known = new Set(positions)
      return rows.filter(({ place, id, xid, ...row }) => {
        const commit = traffic.commits.get(xid)
        if (!began || row.tenantId !== tenantId || !commit) return false
        const isTold = known.has(`${place} ${id}`)
        return isTold ? commit.answered < began.sent : commit.sent > began.answered
      })
    })
    expect(mistold).toEqual([])
    const ended = horizons.map(({ horizon }) => rows.findIndex(({ place }) => place >= horizon))
    expect(horizons.length).toBeGreaterThan(20)
    expect(ended.map((index) => (index < 0 ? rows.length : index))).toEqual(horizons.map(({ below }) => below))
  })

  test('leaves nothing unread when all transactions have ended, however they did, though none comes after', async () => {
    for (let round = 0; round < 150; round++) {
      const tenantId = `tn_${round}`
      const running = clients.slice(0, 2 + (round % 4))
      await Promise.all(
        running.map(async (client) => {
          await client.query(chance(0.5) ? 'begin; select pg_current_xact_id()' : 'begin')
          if (chance(0.3)) await client.query('savepoint one; select pg_current_xact_id()')
          await client.query(insertEvents, [tenantId, 2])
          if (chance(0.3)) await client.query('savepoint two')
          if (chance(0.5)) await client.query(insertEvents, [tenantId, 1])
          await client.query(oneOf(['commit', 'commit', 'rollback']))
        }),
      )
      const page = await feed.readPage(tenantId, startOfAll, 500)
      expect(page.entries).toHaveLength((await rowsOf(tenantId)).length)
      expect(page).toMatchObject({ isWaiting: false, horizon: page.end })
    }
  })

  test('leaves nothing unread while others only read', async () => {
    const [writer, reader, old] = clients as [pg.Client, pg.Client, pg.Client]
    await old.query('begin isolation level repeatable read read only; select from feed')
    await writer.query(insertEvents, ['tn_one', 2])
    await reader.query('begin isolation level serializable; select from traces')
    await writer.query('begin; select pg_current_xact_id()')
    await writer.query(insertEvents, ['tn_one', 1])
    expect((await feed.readPage('tn_one', startOfAll, 10)).entries).toHaveLength(2)
    await writer.query('commit')
    const page = await feed.readPage('tn_one', startOfAll, 10)
    expect(page.entries).toHaveLength(3)
    expect(page.isWaiting).toBe(false)
    await Promise.all([reader, old].map((client) => client.query('commit')))
  })

  test('keeps back what is written beside a transaction that runs, and says so', async () => {
    const [long, writer] = clients as [pg.Client, pg.Client]
    await writer.query(insertEvents, ['tn_one', 1])
    await long.query('begin; select pg_current_xact_id()')
    for (let more = 0; more < 5; more++) await writer.query(insertEvents, ['tn_one', 1])
    const before = await feed.readPage('tn_one', startOfAll, 10)
    expect([before.entries.length, before.isWaiting]).toEqual([1, true])
    expect((await feed.readPage('tn_two', startOfAll, 10)).isWaiting).toBe(false)
    await long.query(insertEvents, ['tn_one', 1])
    await long.query('commit')
    const after = await feed.readPage('tn_one', startOfAll, 10)
    const rows = await rowsOf('tn_one')
    expect(after.entries.map(({ position }) => position)).toEqual(rows.map(({ place, id }) => ({ place, id })))
    expect(after.isWaiting).toBe(false)
    // It was written after the others had ended, and stands behind them though its number is lower.
    expect(rows.at(-1)?.xid).toBe(rows.map(({ xid }) => xid).sort((one, other) => Number(one - other))[1])
  })

  test('tells a start of what was running then, though it stands before what was not', async () => {
    const [long, writer] = clients as [pg.Client, pg.Client]
    await long.query('begin')
    await long.query(insertEvents, ['tn_one', 2])
    await writer.query(insertEvents, ['tn_one', 1])
    const start = { snapshot: await feed.findNow(), own: null }
    await writer.query(insertEvents, ['tn_one', 1])
    await long.query('commit')
    const rows = await rowsOf('tn_one')
    const { entries } = await feed.readPage('tn_one', cursorOf(start), 10)
    expect(entries.map(({ position }) => position.id)).toEqual([rows[0], rows[1], rows[3]].map((row) => row?.id))
    for (const { position } of entries) {
      const rest = await feed.readPage('tn_one', { position, start, spans: null }, 10)
      expect(rest.entries.length).toBe(entries.filter((each) => each.position.id > position.id).length)
    }
  })

  const startOfAll = { position: { place: 0n, id: 0n }, start: null, spans: null }
})
