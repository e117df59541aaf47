import type { JobHandler } from '../src/infra/workers.ts'
import { embedReasoning } from '../src/reasoning/reasoning.jobs.ts'
import type { Services } from '../src/services.ts'

/** Idempotent: what was embedded is no longer due. One at a time: the encoder is one thread. */
export function embed({ reasoningEmbedding }: Pick<Services, 'reasoningEmbedding'>): JobHandler<Record<string, never>> {
  return {
    contract: embedReasoning,
    concurrency: 1,
    handle: (_, { signal }) => reasoningEmbedding.embedDue(signal),
  }
}
