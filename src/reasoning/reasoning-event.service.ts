import type { FeedService } from '../feed/feed.service.ts'
import type { FeedEntry } from '../feed/feed.ts'
import { encodeFeedCursor } from '../feed/feed-cursor.ts'
import { FeedEvents } from '../feed/feed-events.ts'
import { requireScope, type Viewer } from '../tenants/viewer.ts'
import type { ReasoningRepository } from './reasoning.repository.ts'
import type { ReasoningEvent } from './reasoning-event.ts'
import { checkReasoningFilter, matchesReasoning, type ReasoningFilter } from './reasoning-filter.ts'

interface Dependencies {
  feed: FeedService
  records: Pick<ReasoningRepository, 'findRecords'>
}

/** A record is never changed, so that it meets a filter or doesn't for good. One that is deleted by then is not told. */
export function createReasoningEventService({ feed, records }: Dependencies) {
  async function readEvents(
    tenantId: string,
    filter: ReasoningFilter,
    entries: readonly FeedEntry[],
  ): Promise<ReasoningEvent[][]> {
    const ids = entries.flatMap(({ kind, traceId }) => (kind === 'REASONED' ? traceId : []))
    const found = ids.length === 0 ? [] : await records.findRecords(tenantId, ids)
    const byId = new Map(found.map((record) => [record.id, record]))
    return entries.map(({ kind, traceId, position, start }) => {
      const record = kind === 'REASONED' ? byId.get(traceId) : undefined
      if (!record || !matchesReasoning(filter, record)) return []
      return [{ cursor: encodeFeedCursor(tenantId, { position, start, spans: null }), record }]
    })
  }

  return {
    /** What is stored from now on, or from where the cursor stands. */
    async watchReasoning(
      viewer: Viewer,
      { filter, after }: { filter?: ReasoningFilter | null | undefined; after?: string | null | undefined },
    ): Promise<FeedEvents<ReasoningEvent>> {
      requireScope(viewer, 'READ')
      const { tenantId } = viewer
      const checked = checkReasoningFilter(filter)
      const reader = await feed.open(tenantId, after ?? null)
      const read = (entries: readonly FeedEntry[]) => readEvents(tenantId, checked, entries)
      return new FeedEvents({ reader, read, patiently: feed.patiently })
    },
  }
}
