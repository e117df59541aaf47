import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../test/harness/database.ts'
import { addDecimals, parseDecimal } from '../decimal.ts'
import { newId } from '../ids.ts'
import { createIngestRepository, type IngestRepository } from './ingest.repository.ts'
import { merge, spanContentRules, spanRules, traceContentRules, traceRules } from './merge.ts'
import type { PricedCall } from './model-price.ts'
import type { Batch, SpanContentRecord, SpanRecord, TraceContentRecord, TraceRecord } from './record.ts'
import { isCounted } from './span.ts'

/**
 * The tables against the rules: whatever is said of some traces, cut into batches, repeated, in any order, one after
 * another or at once, ends as one merge of it all says. What the traces sum up of their spans is worked out here anew,
 * from the merged spans, and must be what the tables have carried forward by differences.
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

/** A price that every part of a call has a share in; one model is on no list. */
async function computeCosts(calls: readonly PricedCall[]): Promise<(string | null)[]> {
  return calls.map(({ model, inputTokens, outputTokens }) =>
    model === 'nobody knows' ? null : `${(inputTokens ?? 0) + 3 * (outputTokens ?? 0) + (model?.length ?? 0)}`,
  )
}

/** One thing that a client says: of a trace, and of one of its spans. */
interface Said {
  trace: TraceRecord
  content?: TraceContentRecord
  span?: SpanRecord
  spanContent?: SpanContentRecord
}

function optional<Given extends object>(fields: { [Field in keyof Given]: fc.Arbitrary<Given[Field]> }) {
  return fc.record(fields, { requiredKeys: [] })
}

const words = fc.constantFrom('a', 'b', 'bb', 'ä', 'é', '東', '💥', 'nobody knows')
const moments = fc.integer({ min: 0, max: 50 }).map((s) => new Date(Date.UTC(2026, 0, 1, 0, 0, s)).toISOString())
const json = fc.constantFrom<unknown>(1, 'x', 'y', [1, 2], { deep: ['x'] }, false, 'longer than others')
const course = {
  status: fc.integer({ min: 0, max: 3 }),
  errorMessage: words,
  startedAt: moments,
  endedAt: moments,
  durationMs: fc.integer({ min: 0, max: 5 }),
  model: words,
  inputTokens: fc.integer({ min: 0, max: 5 }),
  outputTokens: fc.integer({ min: 0, max: 5 }),
  totalTokens: fc.integer({ min: 0, max: 9 }),
  cost: fc.constantFrom('0', '0.5', '0.25', '12'),
}
const said: fc.Arbitrary<Said> = fc
  .record({
    traceId: fc.constantFrom('one', 'two', 'drei'),
    spanId: fc.option(fc.constantFrom('1', '2', '3', '4'), { nil: undefined, freq: 5 }),
    trace: optional({
      ...course,
      agent: words,
      name: words,
      success: fc.boolean(),
      outcome: words,
      tags: fc.uniqueArray(words, { maxLength: 3 }).map((tags) => [...tags].sort()),
    }),
    content: fc.option(optional({ metadata: fc.dictionary(words, json, { maxKeys: 3 }), output: json }), {
      nil: undefined,
    }),
    name: words,
    span: optional({ ...course, parentId: fc.constantFrom('1', '2', 'gone'), kind: fc.integer({ min: 0, max: 7 }) }),
    spanContent: fc.option(optional({ input: json, attributes: fc.dictionary(words, json, { maxKeys: 2 }) }), {
      nil: undefined,
    }),
  })
  .map(({ traceId, spanId, trace, content, name, span, spanContent }) => ({
    trace: { id: traceId, ...trace },
    ...(content && { content: { traceId, ...content } }),
    ...(spanId && { span: { traceId, id: spanId, name, ...span } }),
    ...(spanId && spanContent && { spanContent: { traceId, spanId, ...spanContent } }),
  }))

function shuffled<Item>(items: Item[], seed: number): Item[] {
  return items
    .map((item, index) => ({ item, at: Math.sin((index + 1) * (seed + 1)) }))
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item)
}

/** As `readTraces` does it: what one request says twice is merged before it is stored. */
function batchesOf(all: readonly Said[], size: number): Batch[] {
  const batches: Batch[] = []
  for (let start = 0; start < all.length; start += size) batches.push(mergedOf(all.slice(start, start + size)))
  return batches
}

function mergedOf(all: readonly Said[]): Batch {
  return {
    traces: collect(
      all.map(({ trace }) => trace),
      ({ id }) => id,
      traceRules,
    ),
    traceContents: collect(
      all.flatMap(({ content }) => content ?? []),
      ({ traceId }) => traceId,
      traceContentRules,
    ),
    spans: collect(
      all.flatMap(({ span }) => span ?? []),
      ({ traceId, id }) => `${traceId}/${id}`,
      spanRules,
    ),
    spanContents: collect(
      all.flatMap(({ spanContent }) => spanContent ?? []),
      ({ traceId, spanId }) => `${traceId}/${spanId}`,
      spanContentRules,
    ),
  }
}

function collect<Given extends object>(
  all: Given[],
  keyOf: (given: Given) => string,
  rules: Parameters<typeof merge>[0],
) {
  const known = new Map<string, Given>()
  for (const each of all) {
    const former = known.get(keyOf(each))
    known.set(keyOf(each), former ? merge(rules, former, each) : each)
  }
  return [...known.values()]
}

/** The state that all of it describes, worked out from nothing. */
function expectedOf(all: readonly Said[]) {
  const { traces, traceContents, spans, spanContents } = mergedOf(all)
  const shownSpans = spans.map((span) => {
    const content = spanContents.find(({ traceId, spanId }) => traceId === span.traceId && spanId === span.id)
    return {
      id: `${span.traceId}/${span.id}`,
      parent_id: span.parentId ?? null,
      kind: span.kind ?? null,
      name: span.name,
      status: statusOf(span),
      cost: span.cost ?? null,
      computed: isCounted(span.kind) ? priceOf(span) : null,
      input_tokens: span.inputTokens ?? null,
      output_tokens: span.outputTokens ?? null,
      input: content?.input ?? null,
      attributes: content?.attributes ?? null,
    }
  })
  const shownTraces = traces.map((trace) => {
    const content = traceContents.find(({ traceId }) => traceId === trace.id)
    const own = spans.filter(({ traceId }) => traceId === trace.id)
    return { ...showTrace(trace, own), metadata: content?.metadata ?? null, output: content?.output ?? null }
  })
  return { traces: byId(shownTraces), spans: byId(shownSpans) }
}

function showTrace(trace: TraceRecord, spans: readonly SpanRecord[]) {
  const roots = spans.filter(({ parentId }) => parentId === undefined).map(statusOf)
  const hasEnded = statusOf(trace) > 0 || (roots.length > 0 && !roots.includes(0))
  const worst = Math.max(0, ...roots)
  const status = trace.status ?? (hasEnded ? (worst > 1 ? worst : statusOf(trace) || 1) : 0)
  const starts = spans.flatMap(({ startedAt }) => startedAt ?? []).sort()
  const ends = spans.flatMap(({ endedAt }) => endedAt ?? []).sort()
  const began = trace.startedAt ?? starts[0]
  const ended = trace.endedAt ?? (status > 0 ? ends.at(-1) : undefined)
  const counted = spans.filter(({ kind }) => isCounted(kind))
  const input = trace.inputTokens ?? sumOf(counted.map((span) => span.inputTokens))
  const output = trace.outputTokens ?? sumOf(counted.map((span) => span.outputTokens))
  const isGiven = trace.inputTokens !== undefined || trace.outputTokens !== undefined
  const costs = counted.map((span) => ({ cost: span.cost ?? priceOf(span), isReported: span.cost !== undefined, span }))
  const unpriced = costs.filter(({ cost, span }) => cost === null && totalOf(span) !== null)
  const priced = costs.filter(({ cost }) => cost !== null)
  const own = priceOf(trace)
  const cost =
    trace.cost ??
    (unpriced.length > 0 ? null : priced.length > 0 ? addDecimals(priced.map((each) => each.cost as string)) : own)
  const source =
    trace.cost !== undefined
      ? 0
      : cost === null
        ? 2
        : priced.length > 0 && priced.every(({ isReported }) => isReported)
          ? 0
          : 1
  return {
    id: trace.id,
    agent: trace.agent ?? null,
    name: trace.name ?? null,
    status,
    success: trace.success ?? null,
    outcome: trace.outcome ?? null,
    error_message: trace.errorMessage ?? null,
    model: trace.model ?? null,
    tags: trace.tags ?? [],
    cost_source: source,
    span_count: spans.length,
    error_count: spans.filter((span) => statusOf(span) >= 2).length,
    duration_ms: trace.durationMs ?? (began && ended ? Math.max(0, Date.parse(ended) - Date.parse(began)) : null),
    cost,
    input_tokens: input,
    output_tokens: output,
    total_tokens:
      trace.totalTokens ??
      (isGiven ? (input ?? 0) + (output ?? 0) : sumOf(counted.map((span) => totalOf(span) ?? undefined))),
    started: epochOf(began ?? trace.endedAt ?? ends.at(-1)),
    ended: epochOf(ended),
    same: true,
  }
}

function statusOf({ status, errorMessage, endedAt, durationMs }: SpanRecord | TraceRecord): number {
  if (status !== undefined) return status
  if (errorMessage !== undefined) return 3
  return endedAt !== undefined || durationMs !== undefined ? 1 : 0
}

function priceOf({ model, inputTokens, outputTokens }: SpanRecord | TraceRecord): string | null {
  if (model === undefined || model === 'nobody knows') return null
  if (inputTokens === undefined && outputTokens === undefined) return null
  return `${(inputTokens ?? 0) + 3 * (outputTokens ?? 0) + model.length}`
}

function totalOf({ totalTokens, inputTokens, outputTokens }: SpanRecord): number | null {
  return totalTokens ?? sumOf([inputTokens, outputTokens])
}

function sumOf(values: readonly (number | undefined)[]): number | null {
  const known = values.filter((value) => value !== undefined)
  return known.length > 0 ? known.reduce((sum, value) => sum + value, 0) : null
}

function epochOf(moment: string | undefined): number | null {
  return moment === undefined ? null : Date.parse(moment)
}

function byId<Row extends { id: string }>(rows: readonly Row[]): Record<string, Row> {
  return Object.fromEntries([...rows].sort((one, other) => (one.id < other.id ? -1 : 1)).map((row) => [row.id, row]))
}
