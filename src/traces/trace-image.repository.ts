import { traceStatuses } from './trace.ts'
import type { FilterableRow } from './trace-filter.ts'

/**
 * What a filter may look at in the row of a trace, as it was before a change: kept with the change in the feed. Its id
 * never changes; its metadata and the words of its content are too wide to be kept twice. When it was made tells it from
 * another of the same id, made after it was deleted.
 */
const columns = {
  agent: 'agent',
  status: 'status',
  success: 'success',
  outcome: 'outcome',
  promptName: 'prompt_name',
  etag: 'etag',
  model: 'model',
  provider: 'provider',
  tags: 'tags',
  conversationId: 'conversation_id',
  runId: 'run_id',
  userId: 'user_id',
  startedAt: 'started_at',
  durationMs: 'duration_ms',
  cost: 'cost',
  totalTokens: 'total_tokens',
  createdAt: 'created_at',
} satisfies { [Field in keyof TraceImage]: string }

export type TraceImage = Omit<FilterableRow, 'id'> & { createdAt: Date }

const fields = Object.keys(columns) as (keyof typeof columns)[]

/** Of a row of `traces` under that alias, as a text that is another whenever the image is. */
export function imageOf(alias: string): string {
  return `json_build_array(${fields.map((field) => inJson(field, `${alias}.${columns[field]}`)).join(', ')})::text`
}

function inJson(field: keyof typeof columns, column: string): string {
  if (field === 'startedAt' || field === 'createdAt') return `(extract(epoch from ${column}) * 1000)::float8`
  return field === 'cost' ? `trim_scale(${column})::text` : column
}

export function readImage(values: readonly unknown[]): TraceImage {
  const image = Object.fromEntries(fields.map((field, index) => [field, values[index]])) as Record<string, unknown>
  return {
    ...(image as unknown as TraceImage),
    status: traceStatuses[image.status as number] ?? 'RUNNING',
    startedAt: new Date(image.startedAt as number),
    createdAt: new Date(image.createdAt as number),
  }
}
