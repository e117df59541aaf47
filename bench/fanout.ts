import { type Cost, subscribers, withHall } from './harness/fanout-hall.ts'
import { type BenchReport, median, ratioOf } from './harness/result.ts'
import { rounds } from './harness/size.ts'
import { createSmallTraces } from './harness/small-traces.ts'

/** A flood, whose events leave many in a write; and one trace at a time, whose events are all that a write holds. */
const ways = {
  'traces in batches of 50': { tracesPerBatch: 50, batches: 3 },
  'traces one by one': { tracesPerBatch: 1, batches: 8 },
}
type Way = keyof typeof ways
const names = Object.keys(ways) as Way[]

interface Measured {
  unheard: Cost[]
  pairs: Record<'ours' | 'reference', Cost>[]
}

/**
 * CPU of the server for each event told to each of a thousand subscribers who ask the same; what the taking in of the
 * traces costs is part of ours, and told apart. The reference is given the events, and tells the same bytes.
 */
export function bench(): Promise<BenchReport> {
  return withHall(async ({ costUnheard, open, tellBoth }) => {
    const makeTraces = createSmallTraces(3)
    const makeBatches = (way: Way) =>
      Array.from({ length: ways[way].batches }, () => makeTraces(ways[way].tracesPerBatch))
    const measured = names.map((): Measured => ({ unheard: [], pairs: [] }))
    for (let round = -1; round < rounds; round++) {
      for (const [index, { unheard }] of measured.entries()) {
        const cost = await costUnheard(makeBatches(names[index] as Way))
        if (round >= 0) unheard.push(cost)
      }
    }
    await open()
    for (let round = -1; round < rounds; round++) {
      for (const [index, { pairs }] of measured.entries()) {
        const pair = await tellBoth(makeBatches(names[index] as Way))
        if (round >= 0) pairs.push(pair)
      }
    }
    return report(measured)
  })
}

function report(measured: readonly Measured[]): BenchReport {
  const middle = (costs: readonly Cost[], part: keyof Cost) =>
    Number(median(costs.map((cost) => cost[part])).toFixed(2))
  const summaries = measured.map(({ unheard, pairs }, index) => {
    const ours = pairs.map((pair) => pair.ours)
    const ratios = pairs.map((pair) => ratioOf(pair.ours.server, pair.reference.server))
    return {
      events: names[index] ?? '',
      'ours, µs': middle(ours, 'server'),
      'of that ingest, µs': middle(unheard, 'server'),
      'its PostgreSQL, µs': middle(ours, 'postgres'),
      'graphql-ws, µs': middle(
        pairs.map(({ reference }) => reference),
        'server',
      ),
      ratio: median(ratios),
      pairs: ratios.join(' '),
    }
  })
  const [flood] = summaries as [(typeof summaries)[number]]
  return {
    result: {
      name: 'fanout',
      ours: flood['ours, µs'],
      reference: flood['graphql-ws, µs'],
      unit: 'µs of server CPU an event and subscriber',
      ratio: flood.ratio,
      goal: '<= 0.25',
      detail: { subscribers, measured: summaries },
    },
    table: summaries,
  }
}
