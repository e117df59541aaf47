import { withDataset } from './harness/dataset.ts'
import { compareLatency } from './harness/latency.ts'
import { listFilters, listRequest, rareFilters } from './harness/list-requests.ts'
import { lists, mainTraces, smallTraces } from './harness/lists.ts'
import { reportLatency } from './harness/report.ts'
import { type BenchReport, ratioOf } from './harness/result.ts'

/** The same pages of a tenant with a million traces and of one with ten thousand, in the same tables. */
export function bench(): Promise<BenchReport> {
  return withDataset(lists, async ({ product }, { main, small }) => {
    const compare = (filters: readonly object[], requests: number) => {
      const side = (key: string) => {
        const asked = filters.map((filter) => listRequest(key, { filter }))
        let count = 0
        return {
          ...product,
          next: () => asked[count++ % asked.length] as Buffer,
          check({ status, body }: { status: number; body: Buffer }) {
            if (status !== 200 || body.includes('"errors"')) throw new Error(`${status}: ${body.toString('utf8')}`)
          },
        }
      }
      return compareLatency({ ours: side(main.key), reference: side(small.key) }, { requests, warmUp: filters.length })
    }
    const all = Object.values(listFilters).flat()
    const measured = await compare(all, all.length * 6)
    const details = []
    for (const [filter, filters] of Object.entries({ ...listFilters, ...rareFilters })) {
      const { ours, reference } = await compare(filters, 120)
      details.push({
        'filtered by': filter,
        'p50 of the large, ms': ours.p50,
        'p50 of the small, ms': reference.p50,
        ratio: ratioOf(ours.p50, reference.p50),
      })
    }
    const sides = { ours: `of ${mainTraces} traces`, reference: `of ${smallTraces} traces` }
    return reportLatency({ name: 'list-size', goal: 1.5, detail: { filters: details }, details }, sides, measured)
  })
}
