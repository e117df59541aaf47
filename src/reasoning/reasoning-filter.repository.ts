import { conditionsOf, type ReasoningFilter, type Wanted } from './reasoning-filter.ts'

/** A filter as SQL: what `matchesReasoning` says of a record. */
type Conditions = {
  [Field in keyof ReasoningFilter]-?: (wanted: Wanted<Field>, value: (given: unknown) => string) => string
}

const conditions: Conditions = {
  agent: (wanted, value) => `r.agent = ${value(wanted)}`,
  sessionId: (wanted, value) => `r.session_id = ${value(wanted)}`,
  // By the table of tags, which holds them in the order of the list. A row of it counts for what the ledger holds it against.
  tag: (wanted, value) =>
    `(r.sequence, r.id) in (
      select sequence, reasoning_id from reasoning_tags where tenant_id = $1 and tag = ${value(wanted)})`,
  decisionType: (wanted, value) => `r.decision_type = any(${value(wanted)}::text[])`,
  traceId: (wanted, value) => `r.trace_id = ${value(wanted)}`,
  createdAt: ({ gte, lt }, value) =>
    [
      ...(gte ? [`r.created_at >= ${value(gte)}::timestamptz`] : []),
      ...(lt ? [`r.created_at < ${value(lt)}::timestamptz`] : []),
      'true',
    ].join(' and '),
}

/** `and …` for rows of `reasoning_traces r` of the tenant $1; what it asks for is added to `values`. */
export function andMatches(filter: ReasoningFilter, values: unknown[]): string {
  const value = (given: unknown) => `$${values.push(given)}`
  return conditionsOf(filter)
    .map(([field, wanted]) => {
      const condition = conditions[field] as (wanted: unknown, value: (given: unknown) => string) => string
      return `and (${condition(wanted, value)})`
    })
    .join(' ')
}
