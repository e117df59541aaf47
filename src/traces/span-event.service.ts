import { cleanText } from '../clean.ts'
import type { FeedService } from '../feed/feed.service.ts'
import type { FeedEntry } from '../feed/feed.ts'
import { encodeFeedCursor } from '../feed/feed-cursor.ts'
import { FeedEvents } from '../feed/feed-events.ts'
import { requireScope, type Viewer } from '../tenants/viewer.ts'
import type { SpanEvent } from './span-event.ts'

interface Dependencies {
  feed: FeedService
}

/** Each span that a change of its trace has changed is an event of its own, in the order of their ids. */
export function createSpanEventService({ feed }: Dependencies) {
  function eventsOf(tenantId: string, { position, start, kind, traceId, spanIds, toldSpans }: FeedEntry): SpanEvent[] {
    return spanIds.slice(toldSpans).map((spanId, index) => {
      const told = toldSpans + index + 1
      const cursor = encodeFeedCursor(tenantId, { position, start, spans: told < spanIds.length ? told : null })
      return { cursor, traceId, spanId, isGone: kind === 'DELETED' }
    })
  }

  return {
    /** What happens to the spans of a trace, from now on or from where the cursor stands; it may not be there yet. */
    async watchSpans(viewer: Viewer, traceId: string, after?: string | null): Promise<FeedEvents<SpanEvent>> {
      requireScope(viewer, 'READ')
      const { tenantId } = viewer
      const wanted = cleanText(traceId)
      const reader = await feed.open(tenantId, after ?? null)
      const read = async (entries: readonly FeedEntry[]) =>
        entries.map((entry) => (entry.traceId === wanted ? eventsOf(tenantId, entry) : []))
      return new FeedEvents({ reader, read, patiently: feed.patiently })
    },
  }
}
