import { compareIngest } from './harness/compare-ingest.ts'
import type { BenchReport } from './harness/result.ts'

const mutation = `
  mutation Ingest($input: IngestTracesInput!) {
    ingestTraces(input: $input) {
      accepted
      rejected
      errors { index path code message }
      cursor
    }
  }`
const query = JSON.stringify(mutation)

/** Spans a second through the mutation, against one insert of the same spans. */
export const bench = (): Promise<BenchReport> =>
  compareIngest({
    name: 'ingest',
    goal: 0.45,
    path: '/graphql',
    wrap: (batch) => `{"query":${query},"variables":{"input":${batch}}}`,
  })
