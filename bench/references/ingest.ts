/**
 * What writing the same spans costs at least: one insert of all rows of a batch into one table with the columns of
 * `spans` and `span_contents` and their primary key, committed when it is answered. No merge, no traces, no sums, no
 * search, no prices, no feed.
 */
import type { Pool } from 'pg'
import { serve } from './serve.ts'

const columns = [
  'trace_id text collate "C"',
  'id text collate "C"',
  'parent_id text',
  'kind text',
  'name text',
  'status text',
  'error_message text',
  'started_at timestamptz',
  'ended_at timestamptz',
  'duration_ms float8',
  'model text',
  'provider text',
  'input_tokens int',
  'output_tokens int',
  'total_tokens int',
  'cached_input_tokens int',
  'reasoning_tokens int',
  'cost numeric',
  'input json',
  'output json',
  'attributes json',
]

const table = `
  drop table if exists ref_spans;
  create table ref_spans (tenant_id text collate "C", ${columns}, primary key (tenant_id, trace_id, id));
  alter table ref_spans set (toast_tuple_target = 8160)`

const names = columns.map((column) => column.split(' ', 1)[0])
const text = `insert into ref_spans (tenant_id, ${names}) select $1, ${names} from json_to_recordset($2) as given (${columns})`

interface Batch {
  traces: { id: string; spans: Record<string, unknown>[] }[]
}

serve(answer, (pool) => pool.query(table))

async function answer(body: string, pool: Pool): Promise<string> {
  const { traces } = JSON.parse(body) as Batch
  const rows = traces.flatMap(({ id, spans }) =>
    spans.map((span) => ({
      trace_id: id,
      id: span.id,
      parent_id: span.parentId,
      kind: span.kind,
      name: span.name,
      status: span.status,
      error_message: span.errorMessage,
      started_at: span.startedAt,
      ended_at: span.endedAt,
      duration_ms: span.durationMs,
      model: span.model,
      provider: span.provider,
      input_tokens: span.inputTokens,
      output_tokens: span.outputTokens,
      total_tokens: span.totalTokens,
      cached_input_tokens: span.cachedInputTokens,
      reasoning_tokens: span.reasoningTokens,
      cost: span.cost,
      input: span.input,
      output: span.output,
      attributes: span.attributes,
    })),
  )
  await pool.query({ name: 'ingest', text, values: ['bench', JSON.stringify(rows)] })
  return `{"accepted":${traces.length},"rejected":0}`
}
