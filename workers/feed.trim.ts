import { trimFeed } from '../src/feed/feed.jobs.ts'
import type { JobHandler } from '../src/infra/workers.ts'
import type { Services } from '../src/services.ts'

/** Idempotent: what was removed is not there to be removed again. */
export function trim({ feedRetention }: Pick<Services, 'feedRetention'>): JobHandler<Record<string, never>> {
  return {
    contract: trimFeed,
    concurrency: 1,
    handle: (_, { signal }) => feedRetention.trim(new Date(), signal),
  }
}
