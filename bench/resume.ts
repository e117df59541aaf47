import { requestOf, sendAlone } from './harness/connection.ts'
import { cpuMsOf, cpuMsOfPostgres } from './harness/cpu.ts'
import { withEmptyProduct } from './harness/dataset.ts'
import { untilIndexed } from './harness/indexing.ts'
import { type Reference, startReference } from './harness/reference.ts'
import { type BenchReport, median, ratioOf } from './harness/result.ts'
import { rounds, scaled } from './harness/size.ts'
import { createSmallTraces, eventsPerTrace, ingest } from './harness/small-traces.ts'
import { openSubscription } from './harness/subscription.ts'
import type { Workbench } from './harness/workbench.ts'

const missed = scaled(100_000)
const tracesPerBatch = 500

const selections = {
  'cursor kind traceId': 'cursor kind traceId',
  'and trace { id status }': 'cursor kind traceId trace { id status }',
}
type Line = keyof typeof selections
const lines = Object.keys(selections) as Line[]

interface Run {
  perSecond: number
  serverUs: number
  postgresUs: number
}

interface Missed {
  bench: Workbench
  reference: Reference
  key: string
  tenantId: string
  /** Of the receipt of what came just before. */
  after: string
  /** The last event before it. */
  from: { place: string; id: string }
}

/**
 * Events a second to one client that comes back after a hundred thousand, from its subscription to the last one read
 * from its socket; against a bare read of the same rows, page by page, which writes each out and sends none.
 */
export function bench(): Promise<BenchReport> {
  return withEmptyProduct('resume', async (bench, key) => {
    const reference = await startReference('resume', bench.databaseUrl)
    try {
      const facts = { bench, reference, key, ...(await miss(bench, key)) }
      const expected = await readBare(facts, true)
      if (expected.shown.length !== missed) throw new Error(`the feed has ${expected.shown.length} events`)
      const runs = lines.map((): { ours: Run; reference: Run }[] => [])
      for (let round = -1; round < rounds; round++) {
        for (const [index, line] of lines.entries()) {
          const ours = await replay(facts, selections[line], expected.shown)
          const { run } = await readBare(facts, false)
          if (round >= 0) runs[index]?.push({ ours, reference: run })
        }
      }
      return report(runs)
    } finally {
      await reference.stop()
    }
  })
}

async function miss(bench: Workbench, key: string): Promise<Pick<Missed, 'tenantId' | 'after' | 'from'>> {
  const { viewer } = await bench.ask<{ viewer: { tenant: { id: string } } }>(key, '{ viewer { tenant { id } } }')
  const makeTraces = createSmallTraces(5)
  const { address } = bench.product
  const after = await ingest(address, key, makeTraces(1))
  const { rows } = await bench.sql.query(
    'select place::text, id::text from feed order by feed.place desc, feed.id desc limit 1',
  )
  for (let left = missed / eventsPerTrace; left > 0; left -= tracesPerBatch) {
    await ingest(address, key, makeTraces(Math.min(left, tracesPerBatch)))
  }
  await untilIndexed(bench.sql)
  await bench.sql.query('vacuum analyze')
  await bench.sql.query('checkpoint')
  return { tenantId: viewer.tenant.id, after, from: rows[0] }
}

/** Looks into what has come when the clock has stopped: each event once, in the order of the feed. */
async function replay({ bench, key, after }: Missed, selection: string, expected: readonly string[]): Promise<Run> {
  const { product } = bench
  const query = `subscription ($after: String) { traceEvents(after: $after) { ${selection} } }`
  const texts: Buffer[] = []
  let finish = () => {}
  let fail = (_: Error) => {}
  const finished = new Promise<void>((resolve, reject) => {
    finish = resolve
    fail = reject
  })
  const onNext = (text: Buffer) => {
    if (texts.push(Buffer.from(text)) === missed) finish()
  }
  const { run, done: subscription } = await measure(bench, product.pid, async () => {
    const where = { address: product.address, key, query, variables: { after } }
    const opened = await openSubscription({ ...where, onNext, onEnd: fail })
    await finished
    return opened
  })
  subscription.close()
  for (const [index, text] of texts.entries()) {
    const { kind, traceId, trace } = JSON.parse(text.toString('utf8')).payload.data.traceEvents
    if (`${kind} ${traceId}` !== expected[index] || (trace && trace.status !== 'COMPLETED')) {
      throw new Error(`event ${index} is ${expected[index]} in the feed, and was told as ${text}`)
    }
  }
  if (texts.length !== missed) throw new Error(`${texts.length} events came instead of ${missed}`)
  return run
}

async function readBare({ bench, reference, tenantId, from }: Missed, isShown: boolean) {
  const { run, done } = await measure(bench, reference.pid, () =>
    sendAlone(reference.address, requestOf('/', JSON.stringify({ tenantId, ...from, isShown }))),
  )
  const { events, shown } = JSON.parse(done.body.toString('utf8')) as { events: number; shown: string[] }
  if (events !== missed) throw new Error(`the reference read ${events} events instead of ${missed}`)
  return { run, shown }
}

async function measure<Done>({ product }: Workbench, pid: number, work: () => Promise<Done>) {
  const cpuMs = () => Promise.all([cpuMsOf(pid), cpuMsOfPostgres(product.postgresPid)])
  const before = await cpuMs()
  const begun = performance.now()
  const done = await work()
  const ms = performance.now() - begun
  const after = await cpuMs()
  const perEvent = (index: 0 | 1) => ((after[index] - before[index]) * 1_000) / missed
  const run: Run = { perSecond: (missed * 1_000) / ms, serverUs: perEvent(0), postgresUs: perEvent(1) }
  return { run, done }
}

function report(runs: readonly { ours: Run; reference: Run }[][]): BenchReport {
  const table = runs.map((pairs, index) => {
    const middle = (side: 'ours' | 'reference', part: keyof Run) => median(pairs.map((pair) => pair[side][part]))
    const ratios = pairs.map(({ ours, reference }) => ratioOf(ours.perSecond, reference.perSecond))
    return {
      selection: lines[index] ?? '',
      'ours, events/s': Math.round(middle('ours', 'perSecond')),
      'bare, events/s': Math.round(middle('reference', 'perSecond')),
      ratio: median(ratios),
      'ours, server µs': Number(middle('ours', 'serverUs').toFixed(2)),
      'PostgreSQL µs': Number(middle('ours', 'postgresUs').toFixed(2)),
      'bare, server µs': Number(middle('reference', 'serverUs').toFixed(2)),
      'its PostgreSQL µs': Number(middle('reference', 'postgresUs').toFixed(2)),
      pairs: ratios.join(' '),
    }
  })
  const [narrow] = table as [(typeof table)[number]]
  return {
    result: {
      name: 'resume',
      ours: narrow['ours, events/s'],
      reference: narrow['bare, events/s'],
      unit: 'events/s',
      ratio: narrow.ratio,
      goal: '>= 0.3',
      detail: { missed, measured: table },
    },
    table,
  }
}
