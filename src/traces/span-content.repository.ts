import type { Pool } from 'pg'
import { RawJson } from '../raw-json.ts'
import { type SpanContent, type SpanContentField, spanContentFields } from './span.ts'

export type SpanContentRepository = ReturnType<typeof createSpanContentRepository>

export interface SpanContentRequest {
  traceId: string
  spanId: string
  fields: ReadonlySet<SpanContentField>
}

export function createSpanContentRepository(pool: Pool) {
  return {
    /** In the order asked. What isn't asked for is null, and isn't read: what is wide lies outside of the row. */
    async findContents(tenantId: string, requests: readonly SpanContentRequest[]): Promise<SpanContent[]> {
      const traceIds = requests.map(({ traceId }) => traceId)
      const spanIds = requests.map(({ spanId }) => spanId)
      const values = [tenantId, traceIds, spanIds, requests.map(({ fields }) => bitsOf(fields))]
      const { rows } = await pool.query({ name: 'find-span-contents', text: findContents, values, rowMode: 'array' })
      const found = new Map<number, SpanContent>(
        rows.map(([place, input, output, attributes]) => [
          place,
          { input: raw(input), output: raw(output), attributes: raw(attributes) },
        ]),
      )
      return requests.map((_, index) => found.get(index + 1) ?? nothing)
    },
  }
}

const nothing: SpanContent = { input: null, output: null, attributes: null }

function bitsOf(fields: ReadonlySet<SpanContentField>): number {
  return spanContentFields.reduce((bits, field, index) => (fields.has(field) ? bits | (1 << index) : bits), 0)
}

function raw(text: string | null): RawJson | null {
  return text === null ? null : new RawJson(text)
}

const selected = spanContentFields.map(
  (field, index) => `case when fields & ${1 << index} <> 0 then ${field}::text end`,
)

// One look-up each, whatever PostgreSQL believes of tables that it has no statistics of: `offset 0` holds it to that.
const findContents = `
  select place::int, found.*
  from unnest($2::text[], $3::text[], $4::int[]) with ordinality as asked (trace_id, span_id, fields, place)
  cross join lateral (
    select ${selected.join(', ')} from span_contents c
    where c.tenant_id = $1 and c.trace_id = asked.trace_id and c.span_id = asked.span_id offset 0) as found`
