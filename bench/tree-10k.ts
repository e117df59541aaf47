import { withTrace } from './harness/compare-tree.ts'
import { compareLatency } from './harness/latency.ts'
import { reportLatency } from './harness/report.ts'
import type { BenchReport } from './harness/result.ts'
import { scaled } from './harness/size.ts'
import { nestedDocument } from './harness/span-fields.ts'
import { treeDepth } from './harness/trees.ts'

/** Milliseconds for a tree of ten thousand spans, ten deep, against the same by hand. */
export const bench = (): Promise<BenchReport> =>
  withTrace(
    { trace: 'huge', document: nestedDocument(treeDepth), reference: 'tree', told: { depth: treeDepth } },
    async (sides) =>
      reportLatency(
        { name: 'tree-10k', goal: 1.5 },
        { ours: 'rootSpans and children', reference: 'by hand' },
        await compareLatency(sides, { requests: scaled(80), warmUp: 15 }),
      ),
  )
