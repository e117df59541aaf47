import { cleanText } from '../clean.ts'
import { InvalidInputError, NotFoundError } from '../errors.ts'
import { feedTopic } from '../feed/feed.ts'
import { type Page, type PageInput, pageOf, readPage } from '../page.ts'
import type { RawJson } from '../raw-json.ts'
import { requireScope, type Viewer } from '../tenants/viewer.ts'
import { countCharacters, isLongerThan } from '../text-length.ts'
import type { TraceRepository } from './trace.repository.ts'
import type { Trace, TraceContentField } from './trace.ts'
import type { TraceContentRepository } from './trace-content.repository.ts'
import type { TraceCopies } from './trace-copies.ts'
import { checkFilter, type TraceFilter } from './trace-filter.ts'
import type { TraceListRepository } from './trace-list.repository.ts'
import { newestFirst, type TraceOrder, traceCursor } from './trace-order.ts'

const maxRemoved = 1_000

export interface TraceQuery extends PageInput {
  filter?: TraceFilter | null | undefined
  orderBy?: TraceOrder | null | undefined
}

/** A page of traces; what costs a query of its own is asked only where a client wants it. */
export interface TracePage extends Page<Trace> {
  cursorOf(trace: Trace): string
  countAll(): Promise<number>
}

export interface TraceContentKey {
  traceId: string
  field: TraceContentField
}

interface Dependencies {
  traces: TraceRepository
  lists: TraceListRepository
  contents: TraceContentRepository
  copies: TraceCopies
  bus: { wake(topic: string): void }
}

export type TraceService = ReturnType<typeof createTraceService>

export function createTraceService({ traces, lists, contents, copies, bus }: Dependencies) {
  return {
    /** In the order asked; null where the tenant has none of that id. */
    async findTraces(viewer: Viewer, ids: readonly string[]): Promise<(Trace | null)[]> {
      requireScope(viewer, 'READ')
      const found = await traces.findTraces(viewer.tenantId, ids.map(cleanText))
      const byId = new Map(found.map((trace) => [trace.id, trace]))
      return ids.map((id) => byId.get(cleanText(id)) ?? null)
    },

    /** `within` narrows the list as the field does that it is asked at. */
    async listTraces(viewer: Viewer, query: TraceQuery, within: TraceFilter = {}): Promise<TracePage> {
      requireScope(viewer, 'READ')
      const filter: TraceFilter = { and: [within, checkFilter(query.filter ?? {})] }
      const order = query.orderBy ?? newestFirst
      const page = readPage(query)
      const rows = await lists.listTraces(viewer.tenantId, { filter, order, page })
      return {
        ...pageOf(rows, page),
        cursorOf: (trace) => traceCursor(trace, order),
        countAll: () => lists.countTraces(viewer.tenantId, filter),
      }
    },

    /** In the order asked; one read for all traces and fields. */
    async listContents(viewer: Viewer, keys: readonly TraceContentKey[]): Promise<(RawJson | null)[]> {
      requireScope(viewer, 'READ')
      const traceIds = [...new Set(keys.map(({ traceId }) => traceId))]
      const fields = [...new Set(keys.map(({ field }) => field))]
      const found = await contents.findContents(viewer.tenantId, traceIds, fields)
      return keys.map(({ traceId, field }) => found.get(traceId)?.[field] ?? null)
    },

    /** What is set here wins over whatever clients send, before and after. */
    async setOutcome(viewer: Viewer, id: string, success: boolean, outcome?: string | null): Promise<Trace> {
      requireScope(viewer, 'EDIT')
      if (outcome && isLongerThan(outcome, 200)) {
        throw new InvalidInputError('outcome', `An outcome has up to 200 characters; got ${countCharacters(outcome)}.`)
      }
      const given = { success, outcome: typeof outcome === 'string' ? cleanText(outcome) : outcome }
      const trace = await traces.setOutcome(viewer.tenantId, cleanText(id), given, new Date())
      if (!trace) throw new NotFoundError('trace', id, 'traceId')
      bus.wake(feedTopic(viewer.tenantId))
      return trace
    },

    /**
     * With their spans, contents, all that search knows of them, and what was made of them. Says how many there were;
     * not counted are the traces of what was made. Sent again after a failure in the middle, it goes on.
     */
    async deleteTraces(viewer: Viewer, ids: readonly string[]): Promise<number> {
      requireScope(viewer, 'ADMIN')
      if (ids.length > maxRemoved) {
        throw new InvalidInputError('ids', `Up to ${maxRemoved} traces are deleted at once; got ${ids.length}.`)
      }
      const { tenantId } = viewer
      const given = [...new Set(ids.map(cleanText))]
      const ofCopies = await copies.listTraceIds(tenantId, given)
      const now = new Date()
      for (let from = 0; from < ofCopies.length; from += maxRemoved) {
        await traces.removeTraces(tenantId, ofCopies.slice(from, from + maxRemoved), now)
      }
      const removed = await traces.removeTraces(tenantId, given, now)
      // At last: by them the rest is found again where something has failed before.
      await copies.remove(tenantId, [...given, ...ofCopies])
      if (removed + ofCopies.length > 0) bus.wake(feedTopic(tenantId))
      return removed
    },
  }
}
