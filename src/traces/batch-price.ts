import { merge, spanRules, traceRules } from './merge.ts'
import type { PricedCall } from './model-price.ts'
import type { Batch, SpanRecord, TraceRecord } from './record.ts'
import { isCounted } from './span.ts'

/** What the tables held of a trace or a span before, as far as its price depends on it. */
export type Former = Omit<Partial<SpanRecord>, 'traceId'> & { computedCost: string | null }
export type FormerTrace = Former & { id: string }
export type FormerSpan = Former & { traceId: string; id: string }

type Priced<Given> = Given & { computedCost: string | null }
export interface PricedBatch extends Batch {
  traces: Priced<TraceRecord>[]
  spans: Priced<SpanRecord>[]
}

interface Pricing {
  traces: readonly FormerTrace[]
  spans: readonly FormerSpan[]
  /** The time of a call that doesn't say its own. */
  now: Date
  computeCosts(calls: readonly PricedCall[]): Promise<(string | null)[]>
}

/**
 * Every record with the cost that its merge with what was there before has. One whose model, tokens and time stay what
 * they were keeps the cost that it had: a price that was set since holds for what comes, not for what is repeated.
 */
export async function priceBatch(batch: Batch, { traces, spans, now, computeCosts }: Pricing): Promise<PricedBatch> {
  const formerTraces = new Map(traces.map((trace) => [trace.id, trace]))
  const formerSpans = new Map(spans.map((span) => [keyOf(span), span]))
  const due: { record: { computedCost: string | null }; call: PricedCall }[] = []

  function priced<Given extends SpanRecord | TraceRecord>(given: Given, former: Former | undefined, known: Given) {
    const record: Priced<Given> = { ...given, computedCost: null }
    const call = callOf(known, now)
    const isKept = former && former.computedCost !== null && isSameCall(former, known)
    if (isKept) record.computedCost = former.computedCost
    else if (isPriceable(call)) due.push({ record, call })
    return record
  }

  const priceSpan = (span: SpanRecord): Priced<SpanRecord> => {
    const former = formerSpans.get(keyOf(span))
    const known = former ? merge(spanRules, former as unknown as SpanRecord, span) : span
    return isCounted(known.kind) ? priced(span, former, known) : { ...span, computedCost: null }
  }
  const priceTrace = (trace: TraceRecord): Priced<TraceRecord> => {
    const former = formerTraces.get(trace.id)
    return priced(trace, former, former ? merge(traceRules, former as TraceRecord, trace) : trace)
  }
  const result = { ...batch, spans: batch.spans.map(priceSpan), traces: batch.traces.map(priceTrace) }
  const costs = await computeCosts(due.map(({ call }) => call))
  for (const [index, { record }] of due.entries()) record.computedCost = costs[index] ?? null
  return result
}

function keyOf({ traceId, id }: { traceId: string; id: string }): string {
  return `${traceId}\0${id}`
}

const relevant = [
  'kind',
  'model',
  'provider',
  'startedAt',
  'inputTokens',
  'outputTokens',
  'cachedInputTokens',
  'reasoningTokens',
] as const satisfies readonly (keyof Former)[]

function isSameCall(former: Former, known: object): boolean {
  return relevant.every((field) => (former[field] ?? null) === ((known as Former)[field] ?? null))
}

function isPriceable({ model, inputTokens, outputTokens }: PricedCall): boolean {
  return model !== null && (inputTokens !== null || outputTokens !== null)
}

function callOf(known: SpanRecord | TraceRecord, now: Date): PricedCall {
  return {
    provider: known.provider ?? null,
    model: known.model ?? null,
    at: known.startedAt ? new Date(known.startedAt) : now,
    inputTokens: known.inputTokens ?? null,
    outputTokens: known.outputTokens ?? null,
    cachedInputTokens: known.cachedInputTokens ?? null,
    reasoningTokens: known.reasoningTokens ?? null,
  }
}
