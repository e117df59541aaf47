import { randomBytes } from 'node:crypto'
import { createIngestRepository } from '../src/traces/ingest.repository.ts'
import type { Batch } from '../src/traces/record.ts'
import { readTraces } from '../src/traces/trace-input.ts'
import { cpuMsOfPostgres } from './harness/cpu.ts'
import { withEmptyProduct } from './harness/dataset.ts'
import { openPools } from './harness/feedless-pool.ts'
import { createRandom } from './harness/random.ts'
import { type BenchReport, median, ratioOf } from './harness/result.ts'
import { rounds, scaled } from './harness/size.ts'
import { makeSpans, type SpanShape } from './harness/trace-shape.ts'

const writers = 4
const tracesPerBatch = 4
/** So many different ones take turns. */
const templateCount = 16
/** More than elsewhere: the difference is small. */
const pairsOfRounds = 2 * rounds

/** Of what is measured. Spans are as large as those of `ingest`; of the last kind there is little but the event. */
const kinds = {
  'new traces of 25 spans': { spans: 25, contentBytes: 1_850, pieces: 1, batches: scaled(120) },
  'second halves of them': { spans: 25, contentBytes: 1_850, pieces: 2, batches: scaled(120) },
  'new traces of 1 small span': { spans: 1, contentBytes: 400, pieces: 1, batches: scaled(400) },
  'second words of them': { spans: 2, contentBytes: 400, pieces: 2, batches: scaled(400) },
}
type Kind = (typeof kinds)[keyof typeof kinds]
const names = Object.keys(kinds) as (keyof typeof kinds)[]

interface Run {
  perSecond: number
  postgresMs: number
}
type Store = (batch: Batch) => Promise<unknown>

/**
 * Traces a second through the statement that stores them, as it is and without what it writes to the feed. Nothing else
 * is done: what HTTP, reading and pricing take would only hide the difference.
 */
export function bench(): Promise<BenchReport> {
  return withEmptyProduct(
    'feed-cost',
    async ({ product, databaseUrl, sql, ask }, key) => {
      const { viewer } = await ask<{ viewer: { tenant: { id: string } } }>(key, '{ viewer { tenant { id } } }')
      const pools = openPools(databaseUrl)
      const [fed, feedless] = [pools.fed, pools.feedless].map((pool): Store => {
        const repository = createIngestRepository(pool)
        return (batch) =>
          repository.storeBatch(viewer.tenant.id, batch, { month: '2026-11', now: new Date(), computeCosts })
      }) as [Store, Store]
      const count = async () => Number((await sql.query('select count(*) from feed')).rows[0].count)
      const pairs = names.map((): { fed: Run; feedless: Run }[] => [])
      const templates = new Map(Object.values(kinds).map((kind) => [kind, makeTemplates(kind)]))
      const run = async (kind: Kind, store: Store): Promise<Run> => {
        const made = templates.get(kind) ?? []
        const batches = Array.from({ length: kind.batches }, (_, index) =>
          withFreshIds(made[index % made.length] as Pieces),
        )
        const last = batches.flatMap((pieces) => pieces.slice(-1))
        await storeAll(
          batches.flatMap((pieces) => pieces.slice(0, -1)),
          store,
        )
        // Nobody indexes here; and neither round is to meet the checkpoint of the other.
        await sql.query('truncate search_due')
        await sql.query('checkpoint')
        const events = await count()
        const cpuBefore = await cpuMsOfPostgres(product.postgresPid)
        const begun = performance.now()
        await storeAll(last, store)
        const ms = performance.now() - begun
        const postgresMs = (await cpuMsOfPostgres(product.postgresPid)) - cpuBefore
        const written = (await count()) - events
        const traces = last.length * tracesPerBatch
        const expected = store === feedless ? 0 : 2 * traces
        if (written !== expected) throw new Error(`${traces} traces wrote ${written} events instead of ${expected}`)
        return { perSecond: (traces * 1_000) / ms, postgresMs: postgresMs / traces }
      }
      try {
        for (let round = -1; round < pairsOfRounds; round++) {
          // Plans made of empty tables are kept until then; autovacuum would come at some time during the rounds.
          if (round === 0) await sql.query('vacuum analyze')
          for (const [index, name] of names.entries()) {
            // Who comes first takes turns too.
            const order = round % 2 ? [fed, feedless] : [feedless, fed]
            const runs = new Map<Store, Run>()
            for (const store of order) runs.set(store, await run(kinds[name], store))
            if (round >= 0) pairs[index]?.push({ fed: runs.get(fed) as Run, feedless: runs.get(feedless) as Run })
          }
        }
        return report(pairs)
      } finally {
        await pools.end()
      }
    },
    { TRACEMEND_WORKERS: 'none' },
  )
}

const computeCosts = async (calls: readonly unknown[]) => calls.map(() => null)

async function storeAll(batches: readonly Batch[], store: Store): Promise<void> {
  let next = 0
  const work = async () => {
    for (let batch = batches[next++]; batch; batch = batches[next++]) await store(batch)
  }
  await Promise.all(Array.from({ length: writers }, work))
}

/** A batch in the one or two pieces that it comes in. */
type Pieces = [Batch] | [Batch, Batch]

function makeTemplates({ spans, contentBytes, pieces }: Kind): Pieces[] {
  const random = createRandom(13)
  return Array.from({ length: templateCount }, () => {
    const traces = Array.from({ length: tracesPerBatch }, () => ({
      id: random.hex(32),
      agent: 'support-triage',
      name: 'conversation',
      tags: ['production'],
      spans: makeSpans(random, { spans, depth: 5, contentBytes }),
    }))
    if (pieces === 1) return [read(traces)]
    const half = Math.ceil(spans / 2)
    const begun = traces.map((trace) => ({ ...trace, spans: trace.spans.slice(0, half).map(asRunning) }))
    const rest = traces.map(({ id, spans: [root, ...others] }) => ({ id, spans: [root, ...others.slice(half - 1)] }))
    return [read(begun), read(rest)]
  })
}

/** While its root runs, so does the trace. */
function asRunning(span: SpanShape): object {
  const { endedAt, ...others } = span
  return span.parentId === null ? { ...others, status: 'RUNNING' } : span
}

function read(traces: object[]): Batch {
  const { rejected, problems, accepted, traceIds, ...batch } = readTraces(JSON.parse(JSON.stringify(traces)), 1_000)
  if (rejected > 0)
    throw new Error(`of ${accepted + rejected} traces, the product refuses ${traceIds}: ${problems[0]?.message}`)
  return batch
}

/** The same with traces that nobody has stored yet. */
function withFreshIds(pieces: Pieces): Batch[] {
  const ids = new Map(pieces[0].traces.map(({ id }) => [id, randomBytes(16).toString('hex')]))
  const renamed = <Row extends { traceId: string }>(rows: readonly Row[]): Row[] =>
    rows.map((row) => ({ ...row, traceId: ids.get(row.traceId) ?? row.traceId }))
  return pieces.map(({ traces, traceContents, spans, spanContents }) => ({
    traces: traces.map((trace) => ({ ...trace, id: ids.get(trace.id) ?? trace.id })),
    traceContents: renamed(traceContents),
    spans: renamed(spans),
    spanContents: renamed(spanContents),
  }))
}

function report(pairs: readonly { fed: Run; feedless: Run }[][]): BenchReport {
  const table = pairs.map((each, index) => {
    const middle = (side: 'fed' | 'feedless', part: keyof Run) => median(each.map((pair) => pair[side][part]))
    const ratios = each.map(({ fed, feedless }) => ratioOf(fed.perSecond, feedless.perSecond))
    return {
      what: names[index] ?? '',
      'with the feed, traces/s': Math.round(middle('fed', 'perSecond')),
      'without, traces/s': Math.round(middle('feedless', 'perSecond')),
      ratio: Number(median(ratios).toFixed(3)),
      'PostgreSQL CPU, ms a trace': Number(middle('fed', 'postgresMs').toFixed(3)),
      'without, ms': Number(middle('feedless', 'postgresMs').toFixed(3)),
      pairs: ratios.join(' '),
    }
  })
  const [fresh, merged] = table as [(typeof table)[number], (typeof table)[number]]
  const worst = fresh.ratio < merged.ratio ? fresh : merged
  return {
    result: {
      name: 'feed-cost',
      ours: worst['with the feed, traces/s'],
      reference: worst['without, traces/s'],
      unit: `traces/s: ${worst.what}`,
      ratio: worst.ratio,
      goal: '>= 0.9',
      detail: { measured: table },
    },
    table,
  }
}
