import * as read from '../traces/filter-readers.ts'
import type { Range } from '../traces/trace-filter.ts'
import { type DecisionType, decisionTypes, type ReasoningTrace } from './reasoning.ts'

/**
 * Which records are meant. All conditions hold together; what is null or absent is no condition.
 * `reasoning-filter.repository.ts` says the same in SQL: a test compares the two.
 */
export interface ReasoningFilter {
  agent?: string | null | undefined
  sessionId?: string | null | undefined
  tag?: string | null | undefined
  decisionType?: readonly DecisionType[] | null | undefined
  traceId?: string | null | undefined
  createdAt?: Range<Date> | null | undefined
}

/** What a field of a filter asks for. */
export type Wanted<Field extends keyof ReasoningFilter> = NonNullable<ReasoningFilter[Field]>

const readers: Record<keyof ReasoningFilter, read.FilterReader> = {
  agent: read.text,
  sessionId: read.text,
  tag: read.text,
  decisionType: read.listOf(read.oneOf(decisionTypes)),
  traceId: read.text,
  createdAt: read.rangeOf(read.moment),
}

/** The filter as it is evaluated. Throws INVALID_INPUT that names the place: `filter.createdAt.gte`. */
export function checkReasoningFilter(filter: ReasoningFilter | null | undefined, field = 'filter'): ReasoningFilter {
  const checked = conditionsOf(filter ?? {}).map(([name, wanted]) => [name, readers[name](wanted, `${field}.${name}`)])
  return Object.fromEntries(checked)
}

const conditions: {
  [Field in keyof ReasoningFilter]-?: (wanted: Wanted<Field>, reasoning: ReasoningTrace) => boolean
} = {
  agent: (wanted, { agent }) => agent === wanted,
  sessionId: (wanted, { sessionId }) => sessionId === wanted,
  tag: (wanted, { tags }) => tags.includes(wanted),
  decisionType: (wanted, { decisionType }) => wanted.includes(decisionType),
  traceId: (wanted, { traceId }) => traceId === wanted,
  createdAt: ({ gte, lt }, { createdAt }) => (!gte || createdAt >= gte) && (!lt || createdAt < lt),
}

export function matchesReasoning(filter: ReasoningFilter, reasoning: ReasoningTrace): boolean {
  return conditionsOf(filter).every(([field, wanted]) => {
    const condition = conditions[field] as (wanted: unknown, reasoning: ReasoningTrace) => boolean
    return condition(wanted, reasoning)
  })
}

/** The fields that are conditions, and what they ask for. */
export function conditionsOf(filter: ReasoningFilter): [keyof ReasoningFilter, unknown][] {
  const given = Object.entries(filter) as [keyof ReasoningFilter, unknown][]
  return given.filter(([, wanted]) => (wanted ?? null) !== null)
}
