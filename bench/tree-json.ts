import { withTrace } from './harness/compare-tree.ts'
import { reportThroughput } from './harness/report.ts'
import { type BenchReport, ratioOf } from './harness/result.ts'
import { compareThroughput } from './harness/throughput.ts'

const connections = 4
const document = 'query Tree($id: ID!) { trace(id: $id) { spanTree } }'

/** Requests a second for a tree of a thousand spans as one value, against PostgreSQL writing the same text. */
export const bench = (): Promise<BenchReport> =>
  withTrace({ trace: 'large', document, reference: 'tree-json' }, async (sides, { postgresPid, askReference }) => {
    const measured = await compareThroughput(sides, { connections, postgresPid })
    const flat = askReference({ isFlat: true })
    const check = ({ status }: { status: number }) => {
      if (status !== 200) throw new Error(`the reference answered with ${status}`)
    }
    const others = { ...sides, reference: { ...sides.reference, next: () => flat, check } }
    const { ours, reference } = await compareThroughput(others, { connections, postgresPid })
    const ratio = ratioOf(ours.perSecond, reference.perSecond)
    const row = { 'against the same spans, but flat': '', 'ours, requests/s': ours.perSecond }
    const details = [{ ...row, 'json_agg, requests/s': reference.perSecond, ratio }]
    return reportThroughput({ name: 'tree-json', goal: 0.8, detail: { flat: { reference, ratio } }, details }, measured)
  })
