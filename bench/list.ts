import { requestOf } from './harness/connection.ts'
import { withDataset } from './harness/dataset.ts'
import { compareLatency, type Latency } from './harness/latency.ts'
import { listFilters, listRequest, rareFilters } from './harness/list-requests.ts'
import { lists, mainTraces } from './harness/lists.ts'
import { startReference } from './harness/reference.ts'
import { reportThroughput } from './harness/report.ts'
import { type BenchReport, type Row, ratioOf } from './harness/result.ts'
import { askBoth } from './harness/same-answers.ts'
import type { Sides } from './harness/side.ts'
import { compareThroughput } from './harness/throughput.ts'

const connections = 4
const turns = 12

/** Requests a second for the newest twenty traces of a million, by filters in turns; and each filter by itself. */
export function bench(): Promise<BenchReport> {
  return withDataset(lists, async ({ product, databaseUrl }, { main }) => {
    const reference = await startReference('list', databaseUrl)
    const questionsOf = (filters: readonly object[]) =>
      filters.map((filter) => ({
        ours: listRequest(main.key, { filter }),
        reference: requestOf('/', JSON.stringify({ tenantId: main.tenantId, filter })),
      }))
    try {
      const servers = { ours: product, reference }
      const sides = await askBoth(servers, questionsOf(inTurns(Object.values(listFilters))))
      const measured = await compareThroughput(sides, { connections, postgresPid: product.postgresPid })
      const alone: Record<string, Record<keyof Sides, Latency>> = {}
      for (const [name, filters] of Object.entries({ ...listFilters, ...rareFilters })) {
        const asked = await askBoth(servers, questionsOf(filters))
        alone[name] = await compareLatency(asked, { requests: 120, warmUp: filters.length })
      }
      const detail = { traces: mainTraces, filters: alone }
      return reportThroughput({ name: 'list', goal: 0.4, detail, details: tableOf(alone) }, measured)
    } finally {
      await reference.stop()
    }
  })
}

/** None, failed, the first agent …, none, failed, the second agent … */
function inTurns(kinds: readonly object[][]): object[] {
  return Array.from({ length: turns }, (_, turn) => kinds.map((each) => each[turn % each.length] ?? {})).flat()
}

function tableOf(alone: Record<string, Record<keyof Sides, Latency>>): Row[] {
  return Object.entries(alone).map(([filter, { ours, reference }]) => ({
    'filtered by': filter,
    'ours p50, ms': ours.p50,
    'reference p50, ms': reference.p50,
    ratio: ratioOf(ours.p50, reference.p50),
  }))
}
