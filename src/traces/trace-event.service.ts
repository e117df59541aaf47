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
import type { TraceEvent, TraceEventKind } from './trace-event.ts'
import {
  asksForContent,
  checkFilter,
  conditionsOf,
  contentAskedBy,
  type FilterableRow,
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
 * gone, also where there is another of its id by now, to be whatever the filter asks for.
 */
export function createTraceEventService({ feed, traces, contents, index }: Dependencies) {
  async function findContents(tenantId: string, ids: readonly string[], filter: TraceFilter): Promise<Contents> {
    const { metadata, searches } = contentAskedBy(filter)
    if (ids.length === 0) return nothingKnown
    const [parsed, found] = await Promise.all([
      metadata ? findMetadata(tenantId, ids) : nothingKnown.metadata,
      searches.length > 0 ? findFound(tenantId, ids, searches) : nothingKnown.found,
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
    const makeEvent = ({ position, start, kind, traceId }: TraceEntry, trace: Trace | null | undefined) => ({
      cursor: encodeFeedCursor(tenantId, { position, start, spans: null }),
      kind,
      traceId,
      trace: kind === 'DELETED' ? null : trace,
      matches: kind !== 'DELETED',
    })
    if (conditionsOf(filter).length === 0) {
      return entries.map((entry) => (isToTell(entry) ? [makeEvent(entry, undefined)] : []))
    }

    const narrow = withoutContent(filter)
    const toTell = entries.filter(isToTell)
    const current = await findCurrent(tenantId, toTell)
    const views = toTell.map((entry) => viewOf(entry, current.get(entry.traceId) ?? null))
    const asked = asksForContent(filter) ? idsOfMaybe(views, narrow) : []
    const known = await findContents(tenantId, asked, filter)
    // What was found is of those that are still there; that the others are gone, stands behind in the feed.
    const later = asked.length === 0 ? current : await findCurrent(tenantId, toTell)
    const events = new Map(
      views.map(({ entry, now: first, before }): [FeedEntry, TraceEvent[]] => {
        const now = first && isOfOne(later.get(first.id) ?? null, first) ? first : null
        const matches = now !== null && matchesFilter(filter, withContents(now, known))
        const matched =
          before !== null &&
          (isOfOne(now, before)
            ? matchesFilter(filter, withContents(before, known))
            : matchesFilter(narrow, withUnknown(before)))
        return [entry, matches || matched ? [{ ...makeEvent(entry, now), matches }] : []]
      }),
    )
    return entries.map((entry) => events.get(entry) ?? [])
  }

  async function findCurrent(tenantId: string, entries: readonly TraceEntry[]): Promise<Map<string, Trace>> {
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
      const read = (entries: readonly FeedEntry[]) => readEvents(tenantId, checked, entries)
      return new FeedEvents({ reader, read, patiently: feed.patiently })
    },
  }
}

type TraceEntry = FeedEntry & { readonly kind: TraceEventKind }

/** One that some spans were told of was told of as a whole to who watches traces. */
function isToTell(entry: FeedEntry): entry is TraceEntry {
  return entry.kind !== 'REASONED' && entry.toldSpans === 0
}

interface View {
  entry: TraceEntry
  now: Trace | null
  before: (TraceImage & { id: string }) | null
}

function viewOf(entry: TraceEntry, current: Trace | null): View {
  const { kind, traceId: id, before } = entry
  return { entry, now: kind === 'DELETED' ? null : current, before: before && { id, ...readImage(before) } }
}

/** Not so where it was deleted after that, and is there again. */
function isOfOne(now: Trace | null, before: Pick<Trace, 'createdAt'>): boolean {
  return now?.createdAt.getTime() === before.createdAt.getTime()
}

/** Of the traces that their contents decide about. */
function idsOfMaybe(views: readonly View[], narrow: TraceFilter): string[] {
  const mayMatch = (row: FilterableRow | null) => row !== null && matchesFilter(narrow, withUnknown(row))
  return [...new Set(views.flatMap(({ now, before }) => (now && (mayMatch(now) || mayMatch(before)) ? now.id : [])))]
}

const nothingKnown: Contents = { metadata: new Map(), found: new Map() }

function withContents(row: FilterableRow, { metadata, found }: Contents) {
  return {
    ...row,
    metadata: metadata.get(row.id) ?? null,
    isFoundBy: (search: string) => found.get(search)?.has(row.id) ?? false,
  }
}

/** For filters that ask nothing of it. */
function withUnknown(row: FilterableRow): FilterableTrace {
  return { ...row, metadata: null, isFoundBy: () => false }
}
