import type { Pool } from 'pg'
import { RawJson } from '../raw-json.ts'
import type { TraceContent, TraceContentField } from './trace.ts'

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
      const selected = fields.map((field) => `${columns[field]}::text`)
      const text = `select trace_id, ${selected.join(', ')} from trace_contents where tenant_id = $1 and trace_id = any($2)`
      const { rows } = await pool.query({ text, values: [tenantId, traceIds], rowMode: 'array' })
      return new Map(rows.map(([traceId, ...texts]) => [traceId, shape(fields, texts)]))
    },
  }
}

function shape(fields: readonly TraceContentField[], texts: readonly (string | null)[]): Partial<TraceContent> {
  const values = fields.map((field, index) => {
    const text = texts[index] ?? null
    return [field, text === null ? null : new RawJson(text)]
  })
  return Object.fromEntries(values)
}
