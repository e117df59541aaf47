import type { Answer } from './harness/connection.ts'
import { withDataset } from './harness/dataset.ts'
import { compareLatency } from './harness/latency.ts'
import { listRequest } from './harness/list-requests.ts'
import { lists } from './harness/lists.ts'
import { reportLatency } from './harness/report.ts'
import type { BenchReport } from './harness/result.ts'
import { scaled } from './harness/size.ts'

const depth = scaled(300_000)
const pageSize = 20
const requests = 500

/** A client that has walked 300,000 traces deep, and walks on; against one that asks for the first page again and again. */
export function bench(): Promise<BenchReport> {
  return withDataset(lists, async ({ product, sql }, { main }) => {
    const { rows } = await sql.query(
      'select started_at from traces where tenant_id = $1 order by started_at desc, id desc offset $2 limit 1',
      [main.tenantId, depth],
    )
    const first = listRequest(main.key, {})
    // The page that begins at that depth by its time; from its end on it is walked by cursors alone.
    let deep = listRequest(main.key, { filter: { startedAt: { lt: rows[0].started_at } } })
    const measured = await compareLatency(
      {
        ours: {
          ...product,
          next: () => deep,
          check(answer) {
            deep = listRequest(main.key, { after: cursorOf(answer) })
          },
        },
        reference: { ...product, next: () => first, check: cursorOf },
      },
      { requests, warmUp: 50 },
    )
    const sides = { ours: `the page ${depth} traces deep`, reference: 'the first page' }
    return reportLatency({ name: 'list-depth', goal: 1.2, detail: { depth } }, sides, measured)
  })
}

function cursorOf({ status, body }: Answer): string {
  const { data } = JSON.parse(body.toString('utf8')) as { data?: Data }
  const { nodes, pageInfo } = data?.traces ?? {}
  if (status === 200 && nodes?.length === pageSize && pageInfo?.hasNextPage) return pageInfo.endCursor
  throw new Error(`no full page was answered, but ${status}: ${body.toString('utf8').slice(0, 500)}`)
}

interface Data {
  traces: { nodes: object[]; pageInfo: { hasNextPage: boolean; endCursor: string } }
}
