import type { Pool } from 'pg'
import { RawJson } from '../raw-json.ts'
import { type TraceContent, type TraceContentField, traceContentFields } from './trace.ts'

export type TraceContentRepository = ReturnType<typeof createTraceContentRepository>

const columns: Record<TraceContentField, string> = {
  modelConfig: 'model_config',
  metadata: 'metadata',
  manifest: 'manifest',
  variables: 'variables',
  messages: 'messages',
  output: 'output',
  tools: 'tools',
  toolChoice: 'tool_choice',
}

export function createTraceContentRepository(pool: Pool) {
  return {
    /** Only these fields are read: what is wide lies outside of the row, and is fetched only where it is named. */
    async findContents(
      tenantId: string,
      traceIds: readonly string[],
      fields: readonly TraceContentField[],
    ): Promise<Map<string, Partial<TraceContent>>> {
      const query = { name: 'find-trace-contents', text: findContents, values: [tenantId, traceIds, bitsOf(fields)] }
      const { rows } = await pool.query({ ...query, rowMode: 'array' })
      return new Map(rows.map(([traceId, ...texts]) => [traceId, shape(texts)]))
    },
  }
}

/** One statement for whatever is selected, so that it is parsed once a connection. */
const selected = traceContentFields.map(
  (field, index) => `case when $3::int & ${1 << index} <> 0 then ${columns[field]}::text end`,
)
const findContents = `
  select trace_id, ${selected.join(', ')} from trace_contents where tenant_id = $1 and trace_id = any($2)`

function bitsOf(fields: readonly TraceContentField[]): number {
  return fields.reduce((bits, field) => bits | (1 << traceContentFields.indexOf(field)), 0)
}

function shape(texts: readonly (string | null)[]): Partial<TraceContent> {
  const values = traceContentFields.map((field, index) => {
    const text = texts[index] ?? null
    return [field, text === null ? null : new RawJson(text)]
  })
  return Object.fromEntries(values)
}
