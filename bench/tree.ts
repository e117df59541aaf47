import { withTrace } from './harness/compare-tree.ts'
import { reportThroughput } from './harness/report.ts'
import type { BenchReport } from './harness/result.ts'
import { nestedDocument } from './harness/span-fields.ts'
import { compareThroughput } from './harness/throughput.ts'
import { treeDepth } from './harness/trees.ts'

/** Requests a second for a tree of a thousand spans, ten deep, against the same by hand. */
export const bench = (): Promise<BenchReport> =>
  withTrace(
    { trace: 'large', document: nestedDocument(treeDepth), reference: 'tree', told: { depth: treeDepth } },
    async (sides, { postgresPid }) =>
      reportThroughput({ name: 'tree', goal: 0.9 }, await compareThroughput(sides, { connections: 4, postgresPid })),
  )
