import type { JobHandler } from '../src/infra/workers.ts'
import type { Services } from '../src/services.ts'
import { indexTraces } from '../src/traces/trace.jobs.ts'

/** Idempotent: what was indexed is no longer due. One at a time: it is work for a processor, more than waiting. */
export function index({ searchIndex }: Pick<Services, 'searchIndex'>): JobHandler<Record<string, never>> {
  return {
    contract: indexTraces,
    concurrency: 1,
    handle: (_, { signal }) => searchIndex.indexDue(signal),
  }
}
