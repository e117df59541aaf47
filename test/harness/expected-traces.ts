import { addDecimals } from '../../src/decimal.ts'
import type { PricedCall } from '../../src/traces/model-price.ts'
import type { SpanRecord, TraceRecord } from '../../src/traces/record.ts'
import { isCounted } from '../../src/traces/span.ts'
import { mergedOf, type Said } from './said.ts'

/** A price that every part of a call has a share in; one model is on no list. */
export async function computeCosts(calls: readonly PricedCall[]): Promise<(string | null)[]> {
  return calls.map(({ model, inputTokens, outputTokens }) =>
    model === 'nobody knows' ? null : `${(inputTokens ?? 0) + 3 * (outputTokens ?? 0) + (model?.length ?? 0)}`,
  )
}

/** What the tables hold when all of it was said, worked out from nothing. */
export function expectedOf(all: readonly Said[]) {
  const { traces, traceContents, spans, spanContents } = mergedOf(all)
  const shownSpans = spans.map((span) => {
    const content = spanContents.find(({ traceId, spanId }) => traceId === span.traceId && spanId === span.id)
    return {
      id: `${span.traceId}/${span.id}`,
      parent_id: span.parentId ?? null,
      kind: span.kind ?? null,
      name: span.name,
      status: statusOf(span),
      cost: span.cost ?? null,
      computed: isCounted(span.kind) ? priceOf(span) : null,
      input_tokens: span.inputTokens ?? null,
      output_tokens: span.outputTokens ?? null,
      input: content?.input ?? null,
      attributes: content?.attributes ?? null,
    }
  })
  const shownTraces = traces.map((trace) => {
    const content = traceContents.find(({ traceId }) => traceId === trace.id)
    const own = spans.filter(({ traceId }) => traceId === trace.id)
    return { ...showTrace(trace, own), metadata: content?.metadata ?? null, output: content?.output ?? null }
  })
  return { traces: byId(shownTraces), spans: byId(shownSpans) }
}

function showTrace(trace: TraceRecord, spans: readonly SpanRecord[]) {
  const roots = spans.filter(({ parentId }) => parentId === undefined).map(statusOf)
  const hasEnded = statusOf(trace) > 0 || (roots.length > 0 && !roots.includes(0))
  const worst = Math.max(0, ...roots)
  const status = trace.status ?? (hasEnded ? (worst > 1 ? worst : statusOf(trace) || 1) : 0)
  const starts = spans.flatMap(({ startedAt }) => startedAt ?? []).sort()
  const ends = spans.flatMap(({ endedAt }) => endedAt ?? []).sort()
  const began = trace.startedAt ?? starts[0]
  const ended = trace.endedAt ?? (status > 0 ? ends.at(-1) : undefined)
  const counted = spans.filter(({ kind }) => isCounted(kind))
  const input = trace.inputTokens ?? sumOf(counted.map((span) => span.inputTokens))
  const output = trace.outputTokens ?? sumOf(counted.map((span) => span.outputTokens))
  const isGiven = trace.inputTokens !== undefined || trace.outputTokens !== undefined
  const costs = counted.map((span) => ({ cost: span.cost ?? priceOf(span), isReported: span.cost !== undefined, span }))
  const unpriced = costs.filter(({ cost, span }) => cost === null && totalOf(span) !== null)
  const priced = costs.filter(({ cost }) => cost !== null)
  const own = priceOf(trace)
  const cost =
    trace.cost ??
    (unpriced.length > 0 ? null : priced.length > 0 ? addDecimals(priced.map((each) => each.cost as string)) : own)
  const source =
    trace.cost !== undefined
      ? 0
      : cost === null
        ? 2
        : priced.length > 0 && priced.every(({ isReported }) => isReported)
          ? 0
          : 1
  return {
    id: trace.id,
    agent: trace.agent ?? null,
    name: trace.name ?? null,
    status,
    success: trace.success ?? null,
    outcome: trace.outcome ?? null,
    error_message: trace.errorMessage ?? null,
    model: trace.model ?? null,
    tags: trace.tags ?? [],
    cost_source: source,
    span_count: spans.length,
    error_count: spans.filter((span) => statusOf(span) >= 2).length,
    duration_ms: trace.durationMs ?? (began && ended ? Math.max(0, Date.parse(ended) - Date.parse(began)) : null),
    cost,
    input_tokens: input,
    output_tokens: output,
    total_tokens:
      trace.totalTokens ??
      (isGiven ? (input ?? 0) + (output ?? 0) : sumOf(counted.map((span) => totalOf(span) ?? undefined))),
    started: epochOf(began ?? trace.endedAt ?? ends.at(-1)),
    ended: epochOf(ended),
    same: true,
  }
}

function statusOf({ status, errorMessage, endedAt, durationMs }: SpanRecord | TraceRecord): number {
  if (status !== undefined) return status
  if (errorMessage !== undefined) return 3
  return endedAt !== undefined || durationMs !== undefined ? 1 : 0
}

function priceOf({ model, inputTokens, outputTokens }: SpanRecord | TraceRecord): string | null {
  if (model === undefined || model === 'nobody knows') return null
  if (inputTokens === undefined && outputTokens === undefined) return null
  return `${(inputTokens ?? 0) + 3 * (outputTokens ?? 0) + model.length}`
}

function totalOf({ totalTokens, inputTokens, outputTokens }: SpanRecord): number | null {
  return totalTokens ?? sumOf([inputTokens, outputTokens])
}

function sumOf(values: readonly (number | undefined)[]): number | null {
  const known = values.filter((value) => value !== undefined)
  return known.length > 0 ? known.reduce((sum, value) => sum + value, 0) : null
}

function epochOf(moment: string | undefined): number | null {
  return moment === undefined ? null : Date.parse(moment)
}

export function byId<Row extends { id: string }>(rows: readonly Row[]): Record<string, Row> {
  return Object.fromEntries([...rows].sort((one, other) => (one.id < other.id ? -1 : 1)).map((row) => [row.id, row]))
}
