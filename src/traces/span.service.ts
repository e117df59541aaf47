import { LimitError } from '../errors.ts'
import { type Page, type PageInput, pageOf, readPage } from '../page.ts'
import type { RawJson } from '../raw-json.ts'
import { requireScope, type Viewer } from '../tenants/viewer.ts'
import type { SpanRepository } from './span.repository.ts'
import type { Span, SpanContentField, SpanKey } from './span.ts'
import type { SpanContentRepository } from './span-content.repository.ts'
import { spanCursor, spanPages } from './span-page.ts'
import { buildSpanTree, type SpanTree } from './span-tree.ts'
import type { Trace } from './trace.ts'

/** A page of a trace's spans, by their start. */
export interface SpanPage extends Page<Span> {
  cursorOf(span: Span): string
  countAll(): Promise<number>
}

export interface SpanContentKey extends SpanKey {
  field: SpanContentField
}

interface Dependencies {
  spans: SpanRepository
  contents: SpanContentRepository
}

/**
 * Of all trees of a request together; one alone may be of any size. Forty of 5,000 spans took 450 MB of memory.
 */
const maxTreeSpans = 50_000

export type SpanService = ReturnType<typeof createSpanService>

export function createSpanService({ spans, contents }: Dependencies) {
  return {
    /** In the order asked; of a trace that the tenant doesn't have, an empty one. */
    async listSpanTrees(viewer: Viewer, traceIds: readonly string[]): Promise<SpanTree[]> {
      requireScope(viewer, 'READ')
      const once = [...new Set(traceIds)]
      if (once.length > 1) checkTrees(await spans.countSpans(viewer.tenantId, once))
      const found = await spans.listSpansOfTraces(viewer.tenantId, once)
      const trees = new Map([...found].map(([traceId, list]) => [traceId, buildSpanTree(list)]))
      return traceIds.map((traceId) => trees.get(traceId) ?? buildSpanTree([]))
    },

    /** In the order asked; null where the trace has none of that id. */
    async findSpans(viewer: Viewer, keys: readonly SpanKey[]): Promise<(Span | null)[]> {
      requireScope(viewer, 'READ')
      const found = await spans.findSpans(viewer.tenantId, keys)
      const byPlace = new Map(found.map((span) => [placeOf(span.traceId, span.id), span]))
      return keys.map(({ traceId, spanId }) => byPlace.get(placeOf(traceId, spanId)) ?? null)
    },

    async pageSpans(viewer: Viewer, trace: Trace, input: PageInput): Promise<SpanPage> {
      requireScope(viewer, 'READ')
      const page = readPage(input, spanPages.pageSize)
      const rows = await spans.pageSpans(viewer.tenantId, trace.id, page)
      return { ...pageOf(rows, page), cursorOf: spanCursor, countAll: async () => trace.spanCount }
    },

    /** In the order asked; one read for all of them, of nothing else. */
    async listContents(viewer: Viewer, keys: readonly SpanContentKey[]): Promise<(RawJson | null)[]> {
      requireScope(viewer, 'READ')
      const requests = new Map<string, { traceId: string; spanId: string; fields: Set<SpanContentField> }>()
      for (const { traceId, spanId, field } of keys) {
        const place = placeOf(traceId, spanId)
        const request = requests.get(place)
        if (request) request.fields.add(field)
        else requests.set(place, { traceId, spanId, fields: new Set([field]) })
      }
      const found = await contents.findContents(viewer.tenantId, [...requests.values()])
      const byPlace = new Map([...requests.keys()].map((place, index) => [place, found[index]]))
      return keys.map(({ traceId, spanId, field }) => byPlace.get(placeOf(traceId, spanId))?.[field] ?? null)
    },
  }
}

/** No id has a NUL in it. */
function placeOf(traceId: string, spanId: string): string {
  return `${traceId}\0${spanId}`
}

function checkTrees(spans: number): void {
  if (spans <= maxTreeSpans) return
  throw new LimitError(
    'QUERY_TOO_COMPLEX',
    `The trees of one request may have ${maxTreeSpans} spans together; these have ${spans}.`,
    {
      limit: 'spans of trees',
      max: maxTreeSpans,
      hint: 'Ask for fewer traces at once, or for a page of their spans.',
    },
  )
}
