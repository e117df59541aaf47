import type { JobHandler } from '../src/infra/workers.ts'
import { runPlayground } from '../src/playground/playground.jobs.ts'
import type { Services } from '../src/services.ts'

/** Mostly waiting for somebody's model: many at once. A run that somebody else has begun is left alone. */
export function run({ runExecution }: Pick<Services, 'runExecution'>): JobHandler<{ tenantId: string; runId: string }> {
  return {
    contract: runPlayground,
    concurrency: 20,
    handle: (key, { signal }) => runExecution.run(key, signal),
  }
}
