import type { FeedService } from '../feed/feed.service.ts'
import type { FeedEntry } from '../feed/feed.ts'
import { encodeFeedCursor } from '../feed/feed-cursor.ts'
import { FeedEvents } from '../feed/feed-events.ts'
import { requireScope, type Viewer } from '../tenants/viewer.ts'
import type { SearchIndexRepository } from './search-index.repository.ts'
import { matchesSearch, searchQueryOf } from './search-text.ts'
import type { TraceRepository } from './trace.repository.ts'
import type { Trace } from './trace.ts'
import type { TraceContentRepository } from './trace-content.repository.ts'
import type { TraceEvent } from './trace-event.ts'
import {
  asksForContent,
  checkFilter,
  conditionsOf,
  contentAskedBy,
  type FilterableTrace,
  matchesFilter,
  type TraceFilter,
  withoutContent,
} from './trace-filter.ts'
import { readImage, type TraceImage } from './trace-image.repository.ts'

interface Dependencies {
  feed: FeedService
  traces: Pick<TraceRepository, 'findTraces' | 'findAmong'>
  contents: Pick<TraceContentRepository, 'findContents'>
  index: Pick<SearchIndexRepository, 'findDueTexts'>
}

/** What a filter asks of contents, for some traces. */
interface Contents {
  metadata: ReadonlyMap<string, unknown>
  found: ReadonlyMap<string, ReadonlySet<string>>
}

/**
 * An event is told to whom the trace meets the filter, as it is now or as it was before the change: so that a view can
 * let it go. The contents of what was before are not kept; they are taken to be those of now, and of a trace that is
 * gone, to be whatever the filter asks for.
 */
export function createTraceEventService({ feed, traces, contents, index }: Dependencies) {
  async function findContents(tenantId: string, ids: readonly string[], filter: TraceFilter): Promise<Contents> {
    const { metadata, searches } = contentAskedBy(filter)
    const [parsed, found] = await Promise.all([
      metadata && ids.length > 0 ? findMetadata(tenantId, ids) : new Map<string, unknown>(),
      searches.length > 0 && ids.length > 0 ? findFound(tenantId, ids, searches) : new Map<string, Set<string>>(),
    ])
    return { metadata: parsed, found }
  }

  async function findMetadata(tenantId: string, ids: readonly string[]): Promise<Map<string, unknown>> {
    const found = await contents.findContents(tenantId, ids, ['metadata'])
    return new Map([...found].map(([id, { metadata }]) => [id, metadata ? JSON.parse(metadata.text) : null]))
  }

  /** What is due first: whatever is indexed in between is found twice, and nothing is missed. */
  async function findFound(
    tenantId: string,
    ids: readonly string[],
    searches: readonly string[],
  ): Promise<Map<string, Set<string>>> {
    const due = await index.findDueTexts(tenantId, ids)
    const found = await Promise.all(
      searches.map(async (search): Promise<[string, Set<string>]> => {
        const query = searchQueryOf(search)
        const indexed = await traces.findAmong(tenantId, search, ids)
        const others = [...due].flatMap(([id, text]) => (matchesSearch(query, text) ? [id] : []))
        return [search, new Set([...indexed, ...others])]
      }),
    )
    return new Map(found)
  }

  async function readEvents(
    tenantId: string,
    filter: TraceFilter,
    entries: readonly FeedEntry[],
  ): Promise<TraceEvent[][]> {
    const makeEvent = ({ position, start, kind, traceId }: FeedEntry, trace: Trace | null | undefined) => ({
      cursor: encodeFeedCursor(tenantId, { position, start, spans: null }),
      kind,
      traceId,
      trace: kind === 'DELETED' ? null : trace,
      matches: kind !== 'DELETED',
    })
    if (conditionsOf(filter).length === 0) return entries.map((entry) => [makeEvent(entry, undefined)])

    const narrow = withoutContent(filter)
    const current = await findCurrent(tenantId, entries)
    const views = entries.map((entry) => viewOf(entry, current.get(entry.traceId) ?? null))
    const maybe = views.filter((rows) => rowsOf(rows).some((row) => matchesFilter(narrow, withUnknown(row))))
    const ids = [...new Set(maybe.flatMap(({ now }) => now?.id ?? []))]
    const known = asksForContent(filter) ? await findContents(tenantId, ids, filter) : nothingKnown
    return views.map((view, index) => {
      const entry = entries[index] as FeedEntry
      const { now, before } = view
      const matches = now !== null && matchesFilter(filter, withContents(now, known))
      const matched =
        before !== null &&
        (now ? matchesFilter(filter, withContents(before, known)) : matchesFilter(narrow, withUnknown(before)))
      return matches || matched ? [{ ...makeEvent(entry, now), matches }] : []
    })
  }

  async function findCurrent(tenantId: string, entries: readonly FeedEntry[]): Promise<Map<string, Trace>> {
    const ids = entries.flatMap(({ kind, traceId }) => (kind === 'DELETED' ? [] : traceId))
    const found = ids.length === 0 ? [] : await traces.findTraces(tenantId, [...new Set(ids)])
    return new Map(found.map((trace) => [trace.id, trace]))
  }

  return {
    /** Of the moment of now, for who reads first and watches from then on. */
    async findCursor(viewer: Viewer): Promise<string> {
      requireScope(viewer, 'READ')
      return feed.findCursor(viewer.tenantId)
    },

    /** What happens to the traces of a filter, from now on or from where the cursor stands. */
    async watchTraces(
      viewer: Viewer,
      { filter, after }: { filter?: TraceFilter | null | undefined; after?: string | null | undefined },
    ): Promise<FeedEvents<TraceEvent>> {
      requireScope(viewer, 'READ')
      const { tenantId } = viewer
      const checked = checkFilter(filter ?? {})
      const reader = await feed.open(tenantId, after ?? null)
      // One that some spans were told of was told of as a whole to who watches traces.
      const read = async (entries: readonly FeedEntry[]) => {
        const untold = entries.filter(({ toldSpans }) => toldSpans === 0)
        const events = await readEvents(tenantId, checked, untold)
        return untold.length === entries.length ? events : [...entries.slice(untold.length).map(() => []), ...events]
      }
      return new FeedEvents({ reader, read, patiently: feed.patiently })
    },
  }
}

interface View {
  now: Trace | null
  before: (TraceImage & { id: string }) | null
}

function viewOf({ kind, traceId: id, before }: FeedEntry, current: Trace | null): View {
  return { now: kind === 'DELETED' ? null : current, before: before && { id, ...readImage(before) } }
}

function rowsOf({ now, before }: View) {
  return [now, before].filter((row) => row !== null)
}

const nothingKnown: Contents = { metadata: new Map(), found: new Map() }

function withContents(row: Omit<FilterableTrace, 'metadata' | 'isFoundBy'>, { metadata, found }: Contents) {
  return {
    ...row,
    metadata: metadata.get(row.id) ?? null,
    isFoundBy: (search: string) => found.get(search)?.has(row.id) ?? false,
  }
}

/** For filters that ask nothing of it. */
function withUnknown(row: Omit<FilterableTrace, 'metadata' | 'isFoundBy'>): FilterableTrace {
  return { ...row, metadata: null, isFoundBy: () => false }
}
