import type { Pool } from 'pg'
import type { PageRequest } from '../page.ts'
import type { Span, SpanKey } from './span.ts'
import { inOrder } from './span-order.ts'
import { readSpanPosition } from './span-page.ts'
import { spanColumns, toSpans } from './span-row.repository.ts'

export type SpanRepository = ReturnType<typeof createSpanRepository>

export function createSpanRepository(pool: Pool) {
  return {
    /** All spans of each of these traces, in no order. A trace without spans isn't there. */
    async listSpansOfTraces(tenantId: string, traceIds: readonly string[]): Promise<Map<string, Span[]>> {
      const query = { name: 'list-spans-of-traces', text: listSpansOfTraces, values: [tenantId, traceIds] }
      const { rows } = await pool.query({ ...query, rowMode: 'array' })
      return new Map(rows.map(([traceId, ...columns]) => [traceId, toSpans(traceId, columns)]))
    },

    /** Those of these spans that there are, in no order. */
    async findSpans(tenantId: string, keys: readonly SpanKey[]): Promise<Span[]> {
      const values = [tenantId, keys.map(({ traceId }) => traceId), keys.map(({ spanId }) => spanId)]
      const { rows } = await pool.query({ name: 'find-spans', text: findSpans, values, rowMode: 'array' })
      return rows.flatMap(([traceId, ...columns]) => toSpans(traceId, columns))
    },

    /** As the traces say: without reading them. */
    async countSpans(tenantId: string, traceIds: readonly string[]): Promise<number> {
      const { rows } = await pool.query({ name: 'count-spans', text: countSpans, values: [tenantId, traceIds] })
      return rows[0].total
    },

    /** By start, in the direction of the walk; one more than the page has where there are more. */
    async pageSpans(tenantId: string, traceId: string, page: PageRequest): Promise<Span[]> {
      const from = readSpanPosition(page)
      const values = [tenantId, traceId, page.size + 1, ...(from ? [from.startedAt, from.id] : [])]
      const { rows } = await pool.query({ ...pageSpans(page.isBackward, from !== null), values, rowMode: 'array' })
      const spans = inOrder(toSpans(traceId, rows[0] ?? []))
      return page.isBackward ? spans.reverse() : spans
    },
  }
}

const listSpansOfTraces = `
  select trace_id, ${spanColumns} from spans where tenant_id = $1 and trace_id = any($2) group by trace_id`

const findSpans = `
  select trace_id, ${spanColumns} from spans
  where tenant_id = $1 and (trace_id, id) in (select * from unnest($2::text[], $3::text[])) group by trace_id`

const countSpans = `
  select coalesce(sum(span_count), 0)::float8 as total from traces where tenant_id = $1 and id = any($2)`

const startedAt = 'coalesce(started_at, ended_at, created_at)'

function pageSpans(isBackward: boolean, isFromCursor: boolean): { name: string; text: string } {
  const [beyond, direction] = isBackward ? ['<', 'desc'] : ['>', 'asc']
  const bound = isFromCursor ? `and (${startedAt}, id) ${beyond} ($4::timestamptz, $5)` : ''
  const text = `
    select ${spanColumns} from (
      select * from spans where tenant_id = $1 and trace_id = $2 ${bound}
      order by ${startedAt} ${direction}, id ${direction} limit $3) page`
  return { name: `page-spans-${direction}${isFromCursor ? '-from' : ''}`, text }
}
