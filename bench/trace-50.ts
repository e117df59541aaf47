import { withTrace } from './harness/compare-tree.ts'
import { reportThroughput } from './harness/report.ts'
import type { BenchReport } from './harness/result.ts'
import { compareThroughput } from './harness/throughput.ts'
import { traceDocument } from './harness/trace-fields.ts'

/** Requests a second for all of a trace and its fifty spans, against one statement that writes the same answer. */
export const bench = (): Promise<BenchReport> =>
  withTrace({ trace: 'small', document: traceDocument, reference: 'trace-50' }, async (sides, { postgresPid }) =>
    reportThroughput({ name: 'trace-50', goal: 0.55 }, await compareThroughput(sides, { connections: 4, postgresPid })),
  )
