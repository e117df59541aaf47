import type { Pool } from 'pg'
import type { EmbeddingSettings } from './config.ts'
import type { FeedService } from './feed/feed.service.ts'
import type { Bus } from './infra/bus.ts'
import type { Closers } from './infra/closers.ts'
import type { Logger } from './infra/logger.ts'
import { createOutage } from './infra/outage.ts'
import type { Queue } from './infra/queue.ts'
import type { SecretBox } from './infra/secret-box.ts'
import { createEncoder } from './models/create-encoder.ts'
import { createLedgerRepository } from './reasoning/ledger.repository.ts'
import { createLedgerService } from './reasoning/ledger.service.ts'
import { createLedgerKeyRepository } from './reasoning/ledger-key.repository.ts'
import { createLedgerKeyBox } from './reasoning/ledger-key.service.ts'
import { makeMeaningIndex } from './reasoning/meaning-index.repository.ts'
import { createReasoningRepository } from './reasoning/reasoning.repository.ts'
import { createReasoningService } from './reasoning/reasoning.service.ts'
import { createReasoningAppendRepository } from './reasoning/reasoning-append.repository.ts'
import { createReasoningAppendService } from './reasoning/reasoning-append.service.ts'
import { createReasoningEmbedding } from './reasoning/reasoning-embedding.service.ts'
import { createReasoningEventService } from './reasoning/reasoning-event.service.ts'
import { createReasoningSearchRepository } from './reasoning/reasoning-search.repository.ts'
import { createReasoningSearchService } from './reasoning/reasoning-search.service.ts'
import { createReasoningVectorRepository } from './reasoning/reasoning-vector.repository.ts'

interface Dependencies {
  embeddings: EmbeddingSettings | null
  pool: Pool
  queue: Queue
  bus: Bus
  feed: FeedService
  secretBox: SecretBox
  logger: Logger
  closers: Closers
  onError: (error: unknown) => void
}

/** The part of `services.ts` that nothing else needs: records of reasoning, their meaning, their ledger. */
export function createReasoningServices(dependencies: Dependencies) {
  const { embeddings, pool, queue, bus, feed, secretBox, logger, closers, onError } = dependencies
  const records = createReasoningRepository(pool)
  const keyBox = createLedgerKeyBox({ secretBox })
  const append = createReasoningAppendService({ appends: createReasoningAppendRepository(pool), keys: keyBox })
  const encoder = createEncoder(embeddings)
  closers.add('encoder', () => encoder.close())
  const vectors = createReasoningVectorRepository(pool)
  const reasoningEmbedding = createReasoningEmbedding({
    vectors,
    encoder,
    queue,
    outage: createOutage(logger, 'the encoder of reasoning records'),
    onError,
  })
  closers.add('embedding of reasoning', () => reasoningEmbedding.close())

  return {
    reasoning: createReasoningService({ records, append, embedding: reasoningEmbedding, bus }),
    reasoningEmbedding,
    reasoningSearch: createReasoningSearchService({
      search: createReasoningSearchRepository(pool),
      records,
      encoder,
      outage: createOutage(logger, 'the encoder of questions'),
    }),
    reasoningBacklog: async () => (await vectors.countDue()).all,
    meaningIndex: { make: () => makeMeaningIndex(pool) },
    reasoningEvents: createReasoningEventService({ feed, records }),
    ledger: createLedgerService({
      ledger: createLedgerRepository(pool),
      keys: createLedgerKeyRepository(pool),
      keyBox,
    }),
  }
}
