import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../test/harness/database.ts'
import { addDecimals } from '../decimal.ts'
import { newId } from '../ids.ts'
import { createIngestRepository, type IngestRepository } from './ingest.repository.ts'
import type { TraceRecord } from './record.ts'
import { createTraceRepository } from './trace.repository.ts'
import { type Trace, traceStatuses } from './trace.ts'
import { matchesFilter, type TraceFilter } from './trace-filter.ts'
import { createTraceStatsRepository, type TraceStatsRepository } from './trace-stats.repository.ts'
import {
  type AgentStats,
  maxOutcomes,
  type StatsGroup,
  type StatsInterval,
  statsGroups,
  statsIntervals,
} from './trace-stats.ts'

/** The statements against sums that are worked out trace by trace. */
describe('statistics of traces', () => {
  let database: TestDatabase
  let pool: pg.Pool
  let ingest: IngestRepository
  let stats: TraceStatsRepository

  beforeAll(async () => {
    database = await createDatabase()
    pool = new pg.Pool({ connectionString: database.url, options: '-c timezone=Asia/Kathmandu' })
    ingest = createIngestRepository(pool)
    stats = createTraceStatsRepository(pool)
  })
  afterAll(async () => {
    await pool.end()
    await database.drop()
  })

  const runs = Number(process.env.PROPERTY_RUNS ?? 60)

  /** In a tenant of its own, as everything else there is of another. */
  async function store(records: readonly Partial<TraceRecord>[]): Promise<{ tenantId: string; traces: Trace[] }> {
    const tenantId = newId('tn')
    await pool.query('insert into tenants (id, slug, name) values ($1, $1, $1)', [tenantId])
    const traces = records.map((record, index) => ({ ...record, id: `tr_${index}` }))
    await ingest.storeBatch(
      tenantId,
      { traces, traceContents: [], spans: [], spanContents: [] },
      {
        now: new Date('2026-11-21T12:00:00.000Z'),
        month: '2026-11',
        computeCosts: async (calls) => calls.map(({ inputTokens }) => (inputTokens ? '0.000000000000000001' : null)),
      },
    )
    const ids = traces.map(({ id }) => id)
    return { tenantId, traces: await createTraceRepository(pool).findTraces(tenantId, ids) }
  }

  test('of agents are what their traces sum up to, in one statement', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(record, { maxLength: 60 }), filter, async (records, within) => {
        const { tenantId, traces } = await store(records)
        const names = ['a', 'B', 'nobody', 'a']
        const found = await stats.findStats(tenantId, { column: 'agent', values: names }, within)
        for (const name of names) {
          const own = traces.filter((trace) => trace.agent === name && matches(within, trace))
          expect(found.get(name)).toEqual(own.length === 0 ? undefined : closeTo(agentStatsOf(own)))
        }
        expect([...found.keys()].filter((name) => !names.includes(name))).toEqual([])
      }),
      { numRuns: runs },
    )
  })

  test('in time are what the traces of each bucket and group sum up to', async () => {
    const options = [fc.constantFrom(...statsIntervals), fc.constantFrom(...statsGroups)] as const
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { maxLength: 60 }),
        filter,
        ...options,
        async (records, within, interval, groupBy) => {
          const { tenantId, traces } = await store(records)
          const buckets = await stats.listBuckets(tenantId, within, { interval, groupBy, limit: 1_000 })
          const expected = bucketsOf(
            traces.filter((trace) => matches(within, trace)),
            widths[interval],
            groupBy,
          )
          expect(buckets).toEqual(expected.map(closeTo))
          const some = await stats.listBuckets(tenantId, within, { interval, groupBy, limit: 2 })
          expect(some).toEqual(buckets.slice(0, 2))
        },
      ),
      { numRuns: runs },
    )
  })

  test('know the frequent outcomes, and no more than fifty', async () => {
    const outcomes = Array.from({ length: 60 }, (_, index) => `outcome ${String(index).padStart(2, '0')}`)
    const often = [...outcomes, 'outcome 59', 'outcome 59', 'outcome 07', '']
    const { tenantId } = await store([{ agent: 'a' }, ...often.map((outcome) => ({ agent: 'a', outcome }))])
    const found = (await stats.findStats(tenantId, { column: 'agent', values: ['a'] }, {})).get('a')
    expect(found?.traces).toBe(often.length + 1)
    expect(found?.outcomes).toHaveLength(maxOutcomes)
    expect(found?.outcomes.slice(0, 4)).toEqual([
      { outcome: 'outcome 59', count: 3 },
      { outcome: 'outcome 07', count: 2 },
      { outcome: '', count: 1 },
      { outcome: 'outcome 00', count: 1 },
    ])
  })

  test('begin their hours and days in UTC, whatever the zone of the session, at any time', async () => {
    const moments = ['0001-01-01T00:00:00.000Z', '0099-12-31T23:59:59.999Z', '1969-12-31T23:59:59.999Z']
    const { tenantId } = await store([...moments, '9999-12-31T23:59:59.999Z'].map((startedAt) => ({ startedAt })))
    const starts = async (interval: StatsInterval) => {
      const buckets = await stats.listBuckets(tenantId, {}, { interval, groupBy: 'NONE', limit: 9 })
      return buckets.map(({ start }) => start.toISOString().slice(0, 16))
    }
    expect(await starts('DAY')).toEqual([
      '0001-01-01T00:00',
      '0099-12-31T00:00',
      '1969-12-31T00:00',
      '9999-12-31T00:00',
    ])
    expect(await starts('HOUR')).toEqual([
      '0001-01-01T00:00',
      '0099-12-31T23:00',
      '1969-12-31T23:00',
      '9999-12-31T23:00',
    ])
    expect((await starts('MINUTE')).at(-1)).toBe('9999-12-31T23:59')
  })

  test('hold sums that 32 bits do not', async () => {
    const tokens = { inputTokens: 2_147_483_647, outputTokens: 2_147_483_647, cost: '1000000000000' }
    const { tenantId } = await store(Array.from({ length: 5 }, () => ({ agent: 'a', durationMs: 1e15, ...tokens })))
    const expected = {
      traces: 5,
      cost: '5000000000000',
      inputTokens: 10_737_418_235,
      durationMs: { p50: 1e15, p95: 1e15, p99: 1e15, avg: 1e15, max: 1e15 },
    }
    expect((await stats.findStats(tenantId, { column: 'agent', values: ['a'] }, {})).get('a')).toMatchObject({
      ...expected,
      totalTokens: 21_474_836_470,
    })
    expect(await stats.listBuckets(tenantId, {}, { interval: 'DAY', groupBy: 'NONE', limit: 9 })).toMatchObject([
      expected,
    ])
  })
})

const widths = { MINUTE: 60_000, HOUR: 3_600_000, DAY: 86_400_000 }

/** Around borders of buckets, before 1970, at both ends of time. */
const moments = fc
  .tuple(
    fc.constantFrom('0001-01-01', '1969-12-31', '1970-01-01', '2026-11-21', '2026-11-22', '9999-12-31'),
    fc.constantFrom('00:00:00.000', '00:00:59.999', '00:59:59.999', '01:00:00.000', '18:15:00.001', '23:59:59.999'),
  )
  .map(([day, time]) => `${day}T${time}Z`)

const record: fc.Arbitrary<Partial<TraceRecord>> = fc.record(
  {
    agent: fc.constantFrom('a', 'B', 'c'),
    promptName: fc.constantFrom('p', 'ä', 'Z', ''),
    model: fc.constantFrom('m', 'n'),
    status: fc.nat(traceStatuses.length - 1),
    success: fc.boolean(),
    outcome: fc.constantFrom('', 'refund', 'Other', 'ünder'),
    startedAt: moments,
    durationMs: fc.oneof(fc.nat(5), fc.double({ min: 0, max: 100_000, noNaN: true })),
    inputTokens: fc.nat(5),
    outputTokens: fc.nat(2_147_483_647),
    cost: fc.constantFrom('0', '0.1', '0.2', '123456789.000000000000000001'),
  },
  { requiredKeys: [] },
)

const filter: fc.Arbitrary<TraceFilter> = fc.record(
  {
    agents: fc.subarray(['a', 'c']),
    success: fc.boolean(),
    not: fc.record({ model: fc.constant('m') }),
    startedAt: fc.record({ gte: fc.constant(new Date('1970-01-01T00:00:00.000Z')) }),
  },
  { requiredKeys: [] },
)

function matches(within: TraceFilter, trace: Trace): boolean {
  return matchesFilter(within, { ...trace, metadata: null, isFoundBy: () => false })
}

function sumsOf(traces: readonly Trace[]) {
  const durations = traces.flatMap(({ durationMs }) => durationMs ?? []).sort((one, other) => one - other)
  const avg = durations.length === 0 ? null : total(durations) / durations.length
  return {
    traces: traces.length,
    failed: traces.filter((trace) => succeeded(trace) === false).length,
    durationMs: {
      p50: percentile(durations, 0.5),
      p95: percentile(durations, 0.95),
      p99: percentile(durations, 0.99),
      avg,
      max: durations.at(-1) ?? null,
    },
    cost: addDecimals(traces.flatMap(({ cost }) => cost ?? [])),
    unpricedTraces: traces.filter(({ cost }) => cost === null).length,
    inputTokens: total(traces.map(({ inputTokens }) => inputTokens)),
    outputTokens: total(traces.map(({ outputTokens }) => outputTokens)),
  }
}

function agentStatsOf(traces: readonly Trace[]): AgentStats {
  const counts = new Map<string, number>()
  for (const { outcome } of traces) if (outcome !== null) counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
  const outcomes = [...counts].map(([outcome, count]) => ({ outcome, count }))
  return {
    ...sumsOf(traces),
    succeeded: traces.filter(succeeded).length,
    errors: traces.filter(({ status }) => status === 'FAILED' || status === 'TIMED_OUT').length,
    ended: traces.filter(({ status }) => status !== 'RUNNING').length,
    totalTokens: total(traces.map(({ totalTokens }) => totalTokens)),
    outcomes: outcomes.sort((one, other) => other.count - one.count || byBytes(one.outcome, other.outcome)),
  }
}

/** Null: nobody knows. */
function succeeded({ success, status }: Trace): boolean | null {
  if (success !== null) return success
  return status === 'RUNNING' ? null : status === 'COMPLETED'
}

function bucketsOf(traces: readonly Trace[], width: number, groupBy: StatsGroup) {
  const groupOf: Record<StatsGroup, (trace: Trace) => string | null> = {
    NONE: () => null,
    AGENT: ({ agent }) => agent,
    MODEL: ({ model }) => model,
    PROMPT: ({ promptName }) => promptName,
    STATUS: ({ status }) => status,
  }
  const buckets = new Map<string, { start: Date; group: string | null; own: Trace[] }>()
  for (const trace of traces) {
    const start = new Date(Math.floor(trace.startedAt.getTime() / width) * width)
    const group = groupOf[groupBy](trace)
    const key = JSON.stringify([start, group])
    const bucket = buckets.get(key) ?? { start, group, own: [] }
    bucket.own.push(trace)
    buckets.set(key, bucket)
  }
  const ordered = [...buckets.values()].sort(
    (one, other) => one.start.getTime() - other.start.getTime() || nullsLast(one.group, other.group),
  )
  return ordered.map(({ own, ...bucket }) => ({ ...bucket, ...sumsOf(own) }))
}

function nullsLast(one: string | null, other: string | null): number {
  return one === null || other === null ? Number(one === null) - Number(other === null) : byBytes(one, other)
}

function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other))
}

/** Between two neighbours where no single trace stands there. */
function percentile(sorted: readonly number[], fraction: number): number | null {
  const at = fraction * (sorted.length - 1)
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]]
  return below === undefined || above === undefined ? null : below + (at - Math.floor(at)) * (above - below)
}

function total(numbers: readonly (number | null)[]): number {
  return numbers.reduce<number>((sum, number) => sum + (number ?? 0), 0)
}

/** Floats are added up in another order there. */
function closeTo<Sums extends { durationMs: object }>(sums: Sums) {
  const durations = Object.entries(sums.durationMs).map(([name, ms]) => [
    name,
    ms === null ? null : expect.toSatisfy((got: number) => Math.abs(got - ms) <= 1e-9 * Math.max(1, ms)),
  ])
  return { ...sums, durationMs: Object.fromEntries(durations) }
}
