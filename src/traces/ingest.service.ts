import { LimitError } from '../errors.ts'
import type { FeedService } from '../feed/feed.service.ts'
import { feedTopic } from '../feed/feed.ts'
import { feedCursorAfter } from '../feed/feed-cursor.ts'
import { tenantTopic } from '../tenants/tenant.ts'
import { monthOf, renewalOf, usageThreshold } from '../tenants/usage.ts'
import { requireScope, type Viewer } from '../tenants/viewer.ts'
import { type IngestRepository, QuotaReachedError, type StoredBatch } from './ingest.repository.ts'
import type { ModelPriceService } from './model-price.service.ts'
import type { Batch } from './record.ts'
import type { SearchIndexService } from './search-index.service.ts'
import { type IngestProblem, readTraces } from './trace-input.ts'

/** What a client is told once everything that was accepted is committed. */
export interface IngestReceipt {
  accepted: number
  rejected: number
  traceIds: string[]
  errors: IngestProblem[]
  cursor: string
}

interface Dependencies {
  ingest: IngestRepository
  prices: Pick<ModelPriceService, 'computeCosts'>
  searchIndex: Pick<SearchIndexService, 'nudge'>
  feed: Pick<FeedService, 'findCursor'>
  bus: { wake(topic: string): void }
  maxSpans: number
}

export type IngestService = ReturnType<typeof createIngestService>

export function createIngestService({ ingest, prices, searchIndex, feed, bus, maxSpans }: Dependencies) {
  async function store(tenantId: string, batch: Batch): Promise<StoredBatch> {
    const now = new Date()
    const computeCosts = prices.computeCosts.bind(null, tenantId)
    try {
      return await ingest.storeBatch(tenantId, batch, { now, month: monthOf(now), computeCosts })
    } catch (error) {
      throw error instanceof QuotaReachedError ? quotaExceeded(error.limit, now) : error
    }
  }

  return {
    /** Stores every trace that can be stored and says of every other why not. */
    async ingestTraces(viewer: Viewer, traces: readonly unknown[]): Promise<IngestReceipt> {
      requireScope(viewer, 'INGEST')
      const { tenantId } = viewer
      const { traceIds, accepted, rejected, problems, ...batch } = readTraces(traces, maxSpans)
      const answer = { accepted, rejected, traceIds, errors: problems }
      if (accepted === 0) return { ...answer, cursor: await feed.findCursor(tenantId) }

      const { newSpans, spans, limit, changedTraceIds, moment } = await store(tenantId, batch)
      if (changedTraceIds.length > 0) {
        bus.wake(feedTopic(tenantId))
        searchIndex.nudge(batch.spans.length)
      }
      const before = usageThreshold({ spans: spans - newSpans }, limit)
      if (newSpans > 0 && usageThreshold({ spans }, limit) !== before) bus.wake(tenantTopic(tenantId))
      return { ...answer, cursor: feedCursorAfter(tenantId, moment) }
    },
  }
}

function quotaExceeded(max: number, now: Date): LimitError {
  const renewsAt = renewalOf(now)
  return new LimitError(
    'QUOTA_EXCEEDED',
    `The tenant may take in ${max} spans a month, and this request would go beyond it: nothing of it was stored. ` +
      `The month renews at ${renewsAt.toISOString()}.`,
    {
      limit: 'monthlySpanLimit',
      max,
      retryAfterSeconds: Math.ceil((renewsAt.getTime() - now.getTime()) / 1_000),
      hint: 'What finishes spans that are stored already is still taken.',
    },
  )
}
