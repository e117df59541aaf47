import { type TraceStatus, traceStatuses } from './trace.ts'
import { conditionsOf, type Range, type TraceFilter, type Wanted } from './trace-filter.ts'
import { searchCondition } from './trace-search.repository.ts'

/** Puts a value among the parameters and gives its place: `$7`. */
type Bind = (value: unknown) => string

/** Each in the words of the index that it is to be found by: PostgreSQL takes a partial one only where it is said why. */
const conditions: { [Field in keyof TraceFilter]-?: (wanted: Wanted<Field>, bind: Bind) => string } = {
  and: (filters, bind) => allOf(filters.map((filter) => compile(filter, bind))),
  or: (filters, bind) => anyOf(filters.map((filter) => compile(filter, bind))),
  // Of what is unknown SQL knows no opposite; here it has met no condition.
  not: (filter, bind) => `(${compile(filter, bind)}) is not true`,
  ids: (ids, bind) => isOneOf('t.id', ids, bind),
  agents: (agents, bind) => isOneOf('t.agent', agents, bind),
  status: (statuses, bind) => statusIn(statuses, bind),
  success: (success, bind) => `t.success = ${bind(success)}::boolean`,
  outcome: (outcome, bind) => `t.outcome = ${bind(outcome)}`,
  promptName: (name, bind) => `t.prompt_name = ${bind(name)}`,
  etag: (etag, bind) => `t.etag = ${bind(etag)}`,
  model: (model, bind) => `t.model = ${bind(model)}`,
  provider: (provider, bind) => `t.provider = ${bind(provider)}`,
  tagsAll: (tags, bind) => (tags.length === 0 ? 'true' : `t.tags <> '{}' and t.tags @> ${bind(tags)}::text[]`),
  tagsAny: (tags, bind) => (tags.length === 0 ? 'false' : `t.tags <> '{}' and t.tags && ${bind(tags)}::text[]`),
  search: (search, bind) => `exists (
    select from search_entries e
    where e.tenant_id = t.tenant_id and e.trace_id = t.id and ${searchCondition(search, bind)})`,
  conversationId: (id, bind) => `t.conversation_id = ${bind(id)}`,
  runId: (id, bind) => `t.run_id = ${bind(id)}`,
  userId: (id, bind) => `t.user_id = ${bind(id)}`,
  // As text: a driver would write moments before the clocks were set by zones in the offset of that time.
  startedAt: (range, bind) => within('t.started_at', 'timestamptz', range, (moment) => bind(moment.toISOString())),
  durationMs: (range, bind) => within('t.duration_ms', 'float8', range, bind),
  cost: (range, bind) => within('t.cost', 'numeric', range, bind),
  totalTokens: (range, bind) => within('t.total_tokens', 'bigint', range, bind),
  metadata: (wanted, bind) => `exists (
    select from trace_contents c
    where c.tenant_id = t.tenant_id and c.trace_id = t.id and c.metadata is not null
      and c.metadata::jsonb @> ${bind(JSON.stringify(wanted))}::jsonb)`,
}

/**
 * The condition that a row of `traces t` meets where `matchesFilter` says so; the tenant apart, which the caller asks
 * for. What it compares with is added to `values`, the parameters of the statement.
 */
export function whereOf(filter: TraceFilter, values: unknown[]): string {
  return compile(filter, (value) => `$${values.push(value)}`)
}

function compile(filter: TraceFilter, bind: Bind): string {
  return allOf(
    conditionsOf(filter).map(([field, wanted]) => {
      const condition = conditions[field] as (wanted: unknown, bind: Bind) => string
      return condition(wanted, bind)
    }),
  )
}

function allOf(parts: readonly string[]): string {
  return parts.length === 0 ? 'true' : `(${parts.join(' and ')})`
}

function anyOf(parts: readonly string[]): string {
  return parts.length === 0 ? 'false' : `(${parts.join(' or ')})`
}

function isOneOf(column: string, texts: readonly string[], bind: Bind): string {
  if (texts.length === 0) return 'false'
  return texts.length === 1 ? `${column} = ${bind(texts[0])}` : `${column} = any(${bind(texts)}::text[])`
}

/** One is compared with, not looked for in a list: then the index of states gives them in the order of their start. */
function statusIn(statuses: readonly TraceStatus[], bind: Bind): string {
  const codes = [...new Set(statuses)].map((status) => traceStatuses.indexOf(status))
  if (codes.length === 0) return 'false'
  return codes.length === 1 ? `t.status = ${bind(codes[0])}::smallint` : `t.status = any(${bind(codes)}::smallint[])`
}

function within<Value>(column: string, type: string, range: Range<Value>, bind: (value: Value) => string): string {
  const bounds: [string, Value | null | undefined][] = [
    ['>=', range.gte],
    ['<', range.lt],
  ]
  return allOf(
    bounds.flatMap(([operator, value]) =>
      (value ?? null) === null ? [] : [`${column} ${operator} ${bind(value as Value)}::${type}`],
    ),
  )
}
