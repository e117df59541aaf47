import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../test/harness/database.ts'
import { byId, computeCosts, expectedOf } from '../../test/harness/expected-traces.ts'
import { batchesOf, type Said, said, shuffled } from '../../test/harness/said.ts'
import { parseDecimal } from '../decimal.ts'
import { newId } from '../ids.ts'
import { createIngestRepository, type IngestRepository } from './ingest.repository.ts'
import type { Batch } from './record.ts'

/**
 * The tables against the rules: whatever is said of some traces, cut into batches, repeated, in any order, one after
 * another or at once, ends as one merge of it all says. What the traces sum up of their spans is worked out anew
 * (`expected-traces.ts`), from the merged spans, and must be what the tables have carried forward by differences.
 */
describe('what was ingested', () => {
  let database: TestDatabase
  let pool: pg.Pool
  let ingest: IngestRepository

  beforeAll(async () => {
    database = await createDatabase()
    pool = new pg.Pool({ connectionString: database.url, max: 6 })
    ingest = createIngestRepository(pool)
  })
  afterAll(async () => {
    await pool.end()
    await database.drop()
  })

  const options = { now: new Date('2026-11-21T12:00:00.000Z'), month: '2026-11', computeCosts }
  const store = (tenantId: string, batch: Batch) => ingest.storeBatch(tenantId, batch, options)

  const runs = Number(process.env.PROPERTY_RUNS ?? 150)

  test('is the merge of all that was said, in whatever order and pieces', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(said, { minLength: 1, maxLength: 25 }), fc.nat(), async (all, seed) => {
        const tenantId = await makeTenant()
        for (const batch of batchesOf(shuffled([...all, ...all.slice(0, seed % 5)], seed), 1 + (seed % 6))) {
          await store(tenantId, batch)
        }
        await compare(tenantId, all)
      }),
      { numRuns: runs },
    )
  })

  test('is the same when the batches come at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(said, { minLength: 2, maxLength: 25 }), fc.nat(), async (all, seed) => {
        const tenantId = await makeTenant()
        const batches = batchesOf(shuffled([...all, ...all], seed), 1 + (seed % 8))
        await Promise.all(batches.map((batch) => store(tenantId, batch)))
        await compare(tenantId, all)
      }),
      { numRuns: runs },
    )
  })

  test('and once more changes nothing, and is not announced', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(said, { minLength: 1, maxLength: 15 }), async (all) => {
        const tenantId = await makeTenant()
        const [batch] = batchesOf(all, all.length)
        const first = await store(tenantId, batch as Batch)
        expect(first.changedTraceIds).toHaveLength(batch?.traces.length ?? 0)
        const before = await everythingOf(tenantId)
        const second = await store(tenantId, batch as Batch)
        expect(second).toMatchObject({ newSpans: 0, changedTraceIds: [] })
        expect(await everythingOf(tenantId)).toEqual(before)
      }),
      { numRuns: Math.ceil(runs / 3) },
    )
  })

  async function makeTenant(): Promise<string> {
    const id = newId('tn')
    await pool.query('insert into tenants (id, slug, name) values ($1, $1, $1)', [id])
    return id
  }

  async function compare(tenantId: string, all: readonly Said[]): Promise<void> {
    const expected = expectedOf(all)
    expect(await tracesOf(tenantId)).toEqual(expected.traces)
    expect(await spansOf(tenantId)).toEqual(expected.spans)
    expect(await usageOf(tenantId)).toEqual({
      traces: Object.keys(expected.traces).length,
      spans: Object.keys(expected.spans).length,
    })
    const { rows } = await pool.query('select name from agents where tenant_id = $1', [tenantId])
    const agents = rows.map(({ name }) => name)
    expect(agents).toEqual(expect.arrayContaining(Object.values(expected.traces).flatMap(({ agent }) => agent ?? [])))
    expect(all.flatMap(({ trace }) => trace.agent ?? [])).toEqual(expect.arrayContaining(agents))
  }

  async function usageOf(tenantId: string) {
    return (await pool.query('select traces, spans from usage where tenant_id = $1', [tenantId])).rows[0]
  }

  async function everythingOf(tenantId: string) {
    const { rows: feed } = await pool.query('select count(*) from feed where tenant_id = $1', [tenantId])
    const { rows: due } = await pool.query('select count(*) from search_due where tenant_id = $1', [tenantId])
    return [await tracesOf(tenantId), await spansOf(tenantId), await usageOf(tenantId), feed, due]
  }

  async function tracesOf(tenantId: string) {
    const { rows } = await pool.query(
      `select t.id, agent, name, status, success, outcome, error_message, model, tags, cost_source, span_count,
         error_count, duration_ms, trim_scale(cost)::text as cost, input_tokens::int, output_tokens::int,
         total_tokens::int, (extract(epoch from nullif(started_at, created_at)) * 1000)::float8 as started,
         (extract(epoch from ended_at) * 1000)::float8 as ended, metadata, output, updated_at = created_at as same
       from traces t left join trace_contents c on c.tenant_id = t.tenant_id and c.trace_id = t.id
       where t.tenant_id = $1`,
      [tenantId],
    )
    return byId(rows)
  }

  async function spansOf(tenantId: string) {
    const { rows } = await pool.query(
      `select s.trace_id || '/' || s.id as id, parent_id, kind, name, status, cost, trim_scale(computed_cost)::text as computed,
         input_tokens, output_tokens, input, attributes
       from spans s left join span_contents c on c.tenant_id = s.tenant_id and c.trace_id = s.trace_id and c.span_id = s.id
       where s.tenant_id = $1`,
      [tenantId],
    )
    return byId(rows.map((row) => ({ ...row, cost: row.cost && parseDecimal(row.cost) })))
  }
})
