import { compareIngest } from './harness/compare-ingest.ts'
import type { BenchReport } from './harness/result.ts'

/** Spans a second through the door that SDKs use, against one insert of the same spans. */
export const bench = (): Promise<BenchReport> => compareIngest({ name: 'ingest-http', goal: 0.7, path: '/ingest' })
