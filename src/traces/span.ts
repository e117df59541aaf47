import type { RawJson } from '../raw-json.ts'
import type { Course } from './trace.ts'

/** In the order of their codes in the tables, and of who wins where records disagree. */
export const spanKinds = ['OTHER', 'CHAIN', 'GUARDRAIL', 'AGENT', 'TOOL', 'RETRIEVER', 'EMBEDDING', 'LLM'] as const
export type SpanKind = (typeof spanKinds)[number]

/** Tokens and cost count on these alone: a parent that repeats its children's totals doubles nothing. */
export const countedKinds: readonly SpanKind[] = ['EMBEDDING', 'LLM']

/** A span as it is shown, without its wide values. */
export interface Span extends Course {
  id: string
  traceId: string
  parentId: string | null
  kind: SpanKind
  name: string
}

export const spanContentFields = ['input', 'output', 'attributes'] as const
export type SpanContentField = (typeof spanContentFields)[number]
export type SpanContent = Record<SpanContentField, RawJson | null>

const firstCounted = Math.min(...countedKinds.map((kind) => spanKinds.indexOf(kind)))

/** By its code. */
export function isCounted(kind: number | undefined): boolean {
  return kind !== undefined && kind >= firstCounted
}

/** Ids of spans are unique within their trace. */
export interface SpanKey {
  traceId: string
  spanId: string
}
