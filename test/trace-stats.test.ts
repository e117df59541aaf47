import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TraceInput, TraceStatsDocument, type TraceStatsQueryVariables } from './generated/documents.ts'
import { ingest } from './harness/ingest.ts'
import { makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'

describe('statistics in time', () => {
  let app: TestApp
  let tenant: TestTenant

  beforeAll(async () => {
    app = await startTestApp()
    tenant = await makeTenant(app)
    await ingest(tenant.client, ...traces)
  })
  afterAll(() => app.close())

  async function statsOf(variables: TraceStatsQueryVariables) {
    return (await tenant.client.ask(TraceStatsDocument, variables)).traceStats
  }

  async function placesOf(variables: TraceStatsQueryVariables) {
    return (await statsOf(variables)).map(({ start, group, traces }) => [start.replace(':00.000Z', ''), group, traces])
  }

  test('are sums by day', async () => {
    expect(await statsOf({ interval: 'DAY' })).toEqual([
      {
        start: '2026-11-20T00:00:00.000Z',
        group: null,
        traces: 2,
        failed: 1,
        cost: '0.0045',
        unpricedTraces: 1,
        inputTokens: 4_294_967_294,
        outputTokens: 1,
        durationMs: { p50: 15, p95: 19.5, p99: 19.9, avg: 15, max: 20 },
      },
      {
        start: '2026-11-21T00:00:00.000Z',
        group: null,
        traces: 2,
        failed: 1,
        cost: '1',
        unpricedTraces: 1,
        inputTokens: 0,
        outputTokens: 0,
        durationMs: { p50: null, p95: null, p99: null, avg: null, max: null },
      },
    ])
  })

  test.each([
    [
      'DAY',
      'AGENT',
      [
        ['2026-11-20T00:00', 'a', 2],
        ['2026-11-21T00:00', 'a', 1],
        ['2026-11-21T00:00', null, 1],
      ],
    ],
    [
      'HOUR',
      'NONE',
      [
        ['2026-11-20T23:00', null, 2],
        ['2026-11-21T00:00', null, 1],
        ['2026-11-21T12:00', null, 1],
      ],
    ],
    [
      'MINUTE',
      'NONE',
      [
        ['2026-11-20T23:58', null, 1],
        ['2026-11-20T23:59', null, 1],
        ['2026-11-21T00:00', null, 1],
        ['2026-11-21T12:34', null, 1],
      ],
    ],
    [
      'DAY',
      'STATUS',
      [
        ['2026-11-20T00:00', 'COMPLETED', 1],
        ['2026-11-20T00:00', 'TIMED_OUT', 1],
        ['2026-11-21T00:00', 'FAILED', 1],
        ['2026-11-21T00:00', 'RUNNING', 1],
      ],
    ],
    [
      'DAY',
      'MODEL',
      [
        ['2026-11-20T00:00', 'm', 1],
        ['2026-11-20T00:00', 'n', 1],
        ['2026-11-21T00:00', null, 2],
      ],
    ],
    [
      'DAY',
      'PROMPT',
      [
        ['2026-11-20T00:00', 'p', 1],
        ['2026-11-20T00:00', null, 1],
        ['2026-11-21T00:00', 'p', 1],
        ['2026-11-21T00:00', null, 1],
      ],
    ],
  ] as const)('by %s and %s', async (interval, groupBy, places) => {
    expect(await placesOf({ interval, groupBy })).toEqual(places)
  })

  test('keep to a filter', async () => {
    const filter = { startedAt: { gte: '2026-11-20T23:59:00.000Z', lt: '2026-11-21T12:00:00.000Z' } }
    expect(await placesOf({ interval: 'DAY', filter })).toEqual([
      ['2026-11-20T00:00', null, 1],
      ['2026-11-21T00:00', null, 1],
    ])
    expect(await statsOf({ interval: 'DAY', filter: { model: 'unknown' } })).toEqual([])
    const { extensions } = await tenant.client.refusal(TraceStatsDocument, { interval: 'DAY', filter: { search: '' } })
    expect(extensions).toMatchObject({ code: 'INVALID_INPUT', field: 'filter.search' })
  })

  test('know the first day there is, and the last', async () => {
    const other = await makeTenant(app)
    const moments = ['0001-01-01T00:00:00.000Z', '1969-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z']
    await ingest(other.client, ...moments.map((startedAt) => ({ startedAt })))
    const { traceStats } = await other.client.ask(TraceStatsDocument, { interval: 'DAY' })
    expect(traceStats.map(({ start }) => start.slice(0, 16))).toEqual(
      moments.map((moment) => `${moment.slice(0, 10)}T00:00`),
    )
  })

  test('of more than 5,000 buckets are refused, with advice', async () => {
    const other = await makeTenant(app)
    const minutes = Array.from({ length: 5_001 }, (_, minute) =>
      new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString(),
    )
    for (let start = 0; start < minutes.length; start += 1_000) {
      await ingest(other.client, ...minutes.slice(start, start + 1_000).map((startedAt) => ({ startedAt })))
    }
    const { message, extensions } = await other.client.refusal(TraceStatsDocument, { interval: 'MINUTE' })
    expect(extensions).toMatchObject({
      code: 'INVALID_INPUT',
      field: 'interval',
      hint: expect.stringContaining('startedAt'),
    })
    expect(message).toContain('5000')
    const filter = { startedAt: { gte: minutes[1] } }
    expect((await other.client.ask(TraceStatsDocument, { interval: 'MINUTE', filter })).traceStats).toHaveLength(5_000)
    expect((await other.client.ask(TraceStatsDocument, { interval: 'HOUR' })).traceStats).toHaveLength(84)
  })
})

const traces: TraceInput[] = [
  {
    agent: 'a',
    model: 'm',
    promptName: 'p',
    startedAt: '2026-11-20T23:58:59.999Z',
    durationMs: 10,
    cost: '0.0045',
    inputTokens: 2_147_483_647,
  },
  {
    agent: 'a',
    model: 'n',
    status: 'TIMED_OUT',
    startedAt: '2026-11-20T23:59:59.999Z',
    durationMs: 20,
    inputTokens: 2_147_483_647,
    outputTokens: 1,
  },
  { agent: 'a', promptName: 'p', status: 'FAILED', startedAt: '2026-11-21T00:00:00.000Z', cost: '1' },
  { startedAt: '2026-11-21T12:34:56.789Z' },
]
