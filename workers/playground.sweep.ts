import type { JobHandler } from '../src/infra/workers.ts'
import { sweepRuns } from '../src/playground/playground.jobs.ts'
import type { Services } from '../src/services.ts'

/** Idempotent: it looks at what is there. */
export function sweep({ runExecution }: Pick<Services, 'runExecution'>): JobHandler<Record<string, never>> {
  return { contract: sweepRuns, concurrency: 1, handle: () => runExecution.sweep() }
}
