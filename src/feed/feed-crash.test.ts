import { setTimeout as pause } from 'node:timers/promises'
import type pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { insertEvents } from '../../test/harness/feed-traffic.ts'
import { createPostgres, type TestPostgres } from '../../test/harness/postgres.ts'
import { recordLog } from '../../test/harness/recorded-log.ts'
import { until } from '../../test/harness/until.ts'
import { createPatience } from '../infra/patience.ts'
import { createPool } from '../infra/postgres.ts'
import { createFeedRepository } from './feed.repository.ts'
import { createFeedService } from './feed.service.ts'

const tenantId = 'tn_1'
const pollMs = 50

let postgres: TestPostgres
let pool: pg.Pool

beforeAll(async () => {
  // Nothing is written to disk but by commits that wait for it.
  const settings = { wal_writer_delay: '10s', wal_writer_flush_after: '1GB', bgwriter_delay: '10s' }
  postgres = await createPostgres({ settings, isMigrated: true })
  pool = createPool({ databaseUrl: postgres.url, operationMs: 30_000, logger: recordLog().logger })
}, 60_000)
afterAll(async () => {
  await pool.end()
  await postgres.end()
})

/** Numbers of transactions that a crash takes back. */
async function useUp(count: number): Promise<bigint> {
  const client = await pool.connect()
  let last = 0n
  for (let more = 0; more < count; more++) {
    const { rows } = await client
      .query('begin; select pg_current_xact_id()::text as xid')
      .then((all) => all[1 as never])
    last = BigInt((rows as { xid: string }[])[0]?.xid ?? 0)
    await client.query('rollback')
  }
  client.release()
  return last
}

test('a database that crashes gives numbers of transactions again, and nobody misses an event of theirs', async () => {
  const log = recordLog()
  let wake = () => {}
  const listen = (_: string, onWake: () => void) => {
    wake = onWake
    return () => {}
  }
  const patience = createPatience(log.logger, 'the database')
  const feed = createFeedService({
    feed: createFeedRepository(pool),
    bus: { listen },
    patience,
    feedHours: 72,
    pollMs,
  })
  await pool.query(insertEvents, [tenantId, 1])
  await useUp(50)
  const [cursor, reader] = [await feed.findCursor(tenantId), await feed.open(tenantId, null)]
  const told = reader.next()
  const highest = await useUp(200)
  // It looks, and sees how far others have come.
  await pause(3 * pollMs)
  await postgres.crash()
  await until(() => pool.query('select 1').catch(() => null))
  const { rows } = await pool.query(insertEvents, [tenantId, 1])
  expect(BigInt(rows[0].own)).toBeLessThan(highest)
  wake()
  expect(await told).toMatchObject([{ traceId: 'trace 1' }])
  const again = await feed.open(tenantId, cursor)
  expect(await again.next()).toMatchObject([{ traceId: 'trace 1' }])
  feed.close()
})
