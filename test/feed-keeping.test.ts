import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { trimFeed } from '../src/feed/feed.jobs.ts'
import { withDatabase } from './harness/database.ts'
import { freshId, ingest } from './harness/ingest.ts'
import { readMetric } from './harness/metrics.ts'
import { makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'
import { until } from './harness/until.ts'

describe('what the feed keeps', () => {
  let app: TestApp

  beforeAll(async () => {
    app = await startTestApp({ workers: true, limits: { feedHours: 2 } })
  })
  afterAll(() => app.close())

  async function query(text: string, values: unknown[] = []) {
    return withDatabase(app.backend.database.url, async (client) => (await client.query(text, values)).rows)
  }

  async function ingestAged(tenant: TestTenant, minutes: number): Promise<string> {
    const id = freshId()
    await ingest(tenant.client, { id })
    const aged = `update feed set at = at - $3 * interval '1 minute' where tenant_id = $1 and trace_id = $2`
    await query(aged, [tenant.id, id, minutes])
    return id
  }

  test('is as old as TRACEMEND_FEED_HOURS allows; a job removes what is older', async () => {
    const tenant = await makeTenant(app)
    await ingestAged(tenant, 180)
    await ingestAged(tenant, 121)
    const kept = [await ingestAged(tenant, 119), await ingestAged(tenant, 180)]
    const [{ last }] = await query(
      `select place || ' ' || id as last from feed where tenant_id = $1 order by place, id offset 1 limit 1`,
      [tenant.id],
    )
    // Other tests in this cluster may hold the feed up for a while.
    const left = await until(async () => {
      await app.queue.add(trimFeed, {})
      await app.drain()
      const rows = await query('select trace_id from feed where tenant_id = $1 order by place, id', [tenant.id])
      return rows.length <= 2 && rows.map(({ trace_id }) => trace_id)
    })
    expect(left).toEqual(kept)
    const floors = await query(`select place || ' ' || id as floor from feed_floors where tenant_id = $1`, [tenant.id])
    expect(floors).toEqual([{ floor: last }])
    expect(app.log.said('a job failed')).toEqual([])
  })

  test('removes what a dump of another cluster brought, and warns', async () => {
    const tenant = await makeTenant(app)
    await query(
      `insert into feed (tenant_id, place, kind, trace_id, span_ids, at) values ($1, '4000000000000', 1, 'x', '{}', now())`,
      [tenant.id],
    )
    await app.queue.add(trimFeed, {})
    await app.drain()
    expect(await query('select 1 from feed where tenant_id = $1', [tenant.id])).toEqual([])
    const said = app.log.said('a dump of another database cluster')
    expect(said).toMatchObject([{ level: 40, tenantId: tenant.id, rows: 1, floors: 0 }])
  })

  test('is told by /metrics of what holds it back', async () => {
    await withDatabase(app.backend.database.url, async (client) => {
      await client.query('begin; select pg_current_xact_id()')
      await until(async () => (await readMetric(app.url, 'tracemend_feed_stalled_seconds')) > 0)
      await client.query('rollback')
    })
    expect(app.log.said('work in the background failed')).toEqual([])
  })
})
