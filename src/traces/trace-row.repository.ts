import { costSources, type Trace, traceStatuses } from './trace.ts'

/** A number, because reading it depends on no time zone and no style of dates. */
const epochMs = (moment: string) => `(extract(epoch from ${moment}) * 1000)::float8`

/** What is read of a trace, from the table under the alias `t`: all of it but its contents. */
export const traceColumns = `
  t.id, t.agent, t.name, t.prompt_name as "promptName", t.etag, t.status, t.success, t.outcome,
  t.error_message as "errorMessage", ${epochMs('t.started_at')} as "startedAt", ${epochMs('t.ended_at')} as "endedAt",
  t.duration_ms as "durationMs", t.model, t.provider, t.input_tokens::float8 as "inputTokens",
  t.output_tokens::float8 as "outputTokens", t.total_tokens::float8 as "totalTokens",
  t.cached_input_tokens::float8 as "cachedInputTokens", t.reasoning_tokens::float8 as "reasoningTokens",
  trim_scale(t.cost)::text as cost, t.cost_source as "costSource", t.tags, t.conversation_id as "conversationId",
  t.run_id as "runId", t.user_id as "userId", t.span_count as "spanCount", t.error_count as "errorCount",
  ${epochMs('t.created_at')} as "createdAt", ${epochMs('t.updated_at')} as "updatedAt"`

type Moment = 'startedAt' | 'endedAt' | 'createdAt' | 'updatedAt'
export type TraceRow = Omit<Trace, 'status' | 'costSource' | Moment> & { status: number; costSource: number } & {
  [Field in Moment]: null extends Trace[Field] ? number | null : number
}

export function toTrace(row: TraceRow): Trace {
  return {
    ...row,
    status: traceStatuses[row.status] ?? 'RUNNING',
    costSource: costSources[row.costSource] ?? 'UNPRICED',
    startedAt: new Date(row.startedAt),
    endedAt: row.endedAt === null ? null : new Date(row.endedAt),
    createdAt: new Date(row.createdAt),
    updatedAt: new Date(row.updatedAt),
  }
}
