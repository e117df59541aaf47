import { shownCount } from './shown-count.ts'
import { type Span, spanKinds } from './span.ts'
import { costSources, traceStatuses } from './trace.ts'

/**
 * A trace comes as one row, each column of its spans as one JSON array. For 1,000 spans that takes Node 1.4 ms and
 * PostgreSQL 2.3 (CPU). As rows it takes 2.9 and 1.7, as a row of JSON for each span 2.8 and 3.2: what costs in Node is
 * every single value that comes by, and `JSON.parse` sees them all at once.
 */
interface Columns {
  id: string[]
  parentId: (string | null)[]
  name: string[]
  codes: number[]
  startedAt: number[]
  endedAt: (number | null)[]
  durationMs: (number | null)[]
  errorMessage: (string | null)[]
  model: (string | null)[]
  provider: (string | null)[]
  inputTokens: (number | null)[]
  outputTokens: (number | null)[]
  totalTokens: (number | null)[]
  cachedInputTokens: (number | null)[]
  reasoningTokens: (number | null)[]
  cost: (string | null)[]
}

/** In one number: the kind (3 bits), the status (2), the source of the cost (2), and whether the start is unknown. */
const codes = `coalesce(kind, 0::smallint) + 8 * status
  + case when cost is not null then 0 when computed_cost is not null then 32 else 64 end
  + case when started_at is null then 128 else 0 end`

const columns: Record<keyof Columns, string> = {
  id: 'id',
  parentId: 'parent_id',
  name: 'name',
  codes,
  startedAt: `date_part('epoch', coalesce(started_at, ended_at, created_at))`,
  endedAt: `date_part('epoch', ended_at)`,
  durationMs: 'duration_ms',
  errorMessage: 'error_message',
  model: 'model',
  provider: 'provider',
  inputTokens: 'input_tokens',
  outputTokens: 'output_tokens',
  totalTokens: 'total_tokens',
  cachedInputTokens: 'cached_input_tokens',
  reasoningTokens: 'reasoning_tokens',
  cost: 'trim_scale(coalesce(cost, computed_cost))::text',
}

/** For a select of `spans`, grouped by trace. */
export const spanColumns = Object.values(columns)
  .map((column) => `json_agg(${column})`)
  .join(', ')

const names = Object.keys(columns)

/** `values` are what `spanColumns` has given of the trace; nulls where it has no spans. */
export function toSpans(traceId: string, values: readonly (unknown[] | null)[]): Span[] {
  if (!values[0]) return []
  const given = Object.fromEntries(names.map((name, index) => [name, values[index]])) as unknown as Columns
  return given.id.map((_, index) => toSpan(traceId, given, index))
}

function toSpan(traceId: string, given: Columns, index: number): Span {
  const code = given.codes[index] as number
  const startedAt = dateOf(given.startedAt[index] as number)
  const ended = given.endedAt[index] as number | null
  const endedAt = ended === null ? null : dateOf(ended)
  const inputTokens = given.inputTokens[index] as number | null
  const outputTokens = given.outputTokens[index] as number | null
  return {
    id: given.id[index] as string,
    traceId,
    parentId: given.parentId[index] as string | null,
    kind: spanKinds[code & 7] ?? 'OTHER',
    name: given.name[index] as string,
    status: traceStatuses[(code >> 3) & 3] ?? 'RUNNING',
    errorMessage: given.errorMessage[index] as string | null,
    startedAt,
    endedAt,
    durationMs: (given.durationMs[index] as number | null) ?? (code & 128 ? null : timeFrom(startedAt, endedAt)),
    model: given.model[index] as string | null,
    provider: given.provider[index] as string | null,
    inputTokens,
    outputTokens,
    totalTokens: (given.totalTokens[index] as number | null) ?? sumOf(inputTokens, outputTokens),
    cachedInputTokens: given.cachedInputTokens[index] as number | null,
    reasoningTokens: given.reasoningTokens[index] as number | null,
    cost: given.cost[index] as string | null,
    costSource: costSources[(code >> 5) & 3] ?? 'UNPRICED',
  }
}

/** Seconds as a float have an error well below a millisecond, but `Date` would cut it off. */
function dateOf(seconds: number): Date {
  return new Date(Math.round(seconds * 1000))
}

function timeFrom(startedAt: Date, endedAt: Date | null): number | null {
  return endedAt === null ? null : Math.max(0, endedAt.getTime() - startedAt.getTime())
}

function sumOf(inputTokens: number | null, outputTokens: number | null): number | null {
  return inputTokens === null && outputTokens === null ? null : shownCount((inputTokens ?? 0) + (outputTokens ?? 0))
}
