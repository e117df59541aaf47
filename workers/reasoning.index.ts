import type { JobHandler } from '../src/infra/workers.ts'
import { indexMeanings } from '../src/reasoning/reasoning.jobs.ts'
import type { Services } from '../src/services.ts'

/** Idempotent: it looks at what is there. */
export function indexMeaning({ meaningIndex }: Pick<Services, 'meaningIndex'>): JobHandler<Record<string, never>> {
  return { contract: indexMeanings, concurrency: 1, handle: () => meaningIndex.make() }
}
