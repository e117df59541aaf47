import { assignments, columnList, fieldList, isChanged, mergedColumns, recordset } from './merge.repository.ts'
import { spanContentRules, spanRules, traceContentRules, traceRules } from './merge.ts'
import { imageOf } from './trace-image.repository.ts'

/** The statements of `ingest.repository.ts`. They are one text each, so that PostgreSQL plans them once. */
const courseTypes = {
  status: 'smallint',
  startedAt: 'timestamptz',
  endedAt: 'timestamptz',
  durationMs: 'float8',
  inputTokens: 'int',
  outputTokens: 'int',
  totalTokens: 'int',
  cachedInputTokens: 'int',
  reasoningTokens: 'int',
  cost: 'numeric',
}
const spanColumns = mergedColumns(spanRules, {
  types: { ...courseTypes, kind: 'smallint' },
  columns: { status: 'given_status' },
})
const spanContentColumns = mergedColumns(spanContentRules, { types: {} })
const traceColumns = mergedColumns(traceRules, {
  types: { ...courseTypes, success: 'boolean' },
  columns: {
    status: 'given_status',
    success: 'given_success',
    outcome: 'given_outcome',
    startedAt: 'given_started_at',
    endedAt: 'given_ended_at',
    durationMs: 'given_duration_ms',
    inputTokens: 'given_input_tokens',
    outputTokens: 'given_output_tokens',
    totalTokens: 'given_total_tokens',
    cachedInputTokens: 'given_cached_input_tokens',
    reasoningTokens: 'given_reasoning_tokens',
    cost: 'given_cost',
  },
})
const traceContentColumns = mergedColumns(traceContentRules, { types: {} })

/** What a span adds to its trace: name, value, and whether it stays unknown until a span says it. */
const sums: readonly { column: string; of: (span: string) => string; isKnownLater?: boolean }[] = [
  { column: 'error_count', of: (s) => `(${s}.status >= 2)::int` },
  { column: 'roots', of: (s) => `(${s}.parent_id is null)::int` },
  { column: 'roots_running', of: (s) => `(${s}.parent_id is null and ${s}.status = 0)::int` },
  { column: 'roots_timed_out', of: (s) => `(${s}.parent_id is null and ${s}.status = 2)::int` },
  { column: 'roots_failed', of: (s) => `(${s}.parent_id is null and ${s}.status = 3)::int` },
  { column: 'spans_input_tokens', of: (s) => counted(s, `${s}.input_tokens`), isKnownLater: true },
  { column: 'spans_output_tokens', of: (s) => counted(s, `${s}.output_tokens`), isKnownLater: true },
  { column: 'spans_total_tokens', of: (s) => counted(s, totalOf(s)), isKnownLater: true },
  { column: 'spans_cached_input_tokens', of: (s) => counted(s, `${s}.cached_input_tokens`), isKnownLater: true },
  { column: 'spans_reasoning_tokens', of: (s) => counted(s, `${s}.reasoning_tokens`), isKnownLater: true },
  {
    column: 'spans_cost',
    of: (s) => `case when ${s}.kind >= 6 then coalesce(${s}.cost, ${s}.computed_cost, 0) else 0 end`,
  },
  {
    column: 'spans_priced',
    of: (s) => `coalesce(${s}.kind >= 6 and coalesce(${s}.cost, ${s}.computed_cost) is not null, false)::int`,
  },
  {
    column: 'spans_computed',
    of: (s) => `coalesce(${s}.kind >= 6 and ${s}.cost is null and ${s}.computed_cost is not null, false)::int`,
  },
  {
    column: 'spans_unpriced',
    of: (s) =>
      `coalesce(${s}.kind >= 6 and coalesce(${s}.cost, ${s}.computed_cost) is null and ${totalOf(s)} is not null, false)::int`,
  },
]

function counted(span: string, value: string): string {
  return `case when ${span}.kind >= 6 then ${value} end`
}

/** Two of the greatest counts that may be given are more than their own type holds. */
function totalOf(span: string): string {
  const sum = `coalesce(${span}.input_tokens, 0)::bigint + ${span}.output_tokens`
  return `coalesce(${span}.total_tokens, ${sum}, ${span}.input_tokens)`
}

const contributions = (span: string) => sums.map(({ column, of }) => `${of(span)} as ${column}`).join(', ')

/** What the stored spans are more than what was there before. */
const differences = sums.map(({ column, isKnownLater }) => {
  const difference = `sum(n.${column}) - coalesce(sum(o.${column}), 0)`
  return `${isKnownLater ? difference : `coalesce(${difference}, 0)`} as ${column}`
})

const carriedForward = sums.map(({ column, isKnownLater }) => {
  const [known, more] = [`t.${column}`, `excluded.${column}`]
  return isKnownLater
    ? `${column} = case when ${more} is null then ${known} else coalesce(${known}, 0) + ${more} end`
    : `${column} = ${known} + ${more}`
})

const sumColumns = sums.map(({ column }) => column).join(', ')
const sumFields = sums.map(({ column, isKnownLater }) => (isKnownLater ? `d.${column}` : `coalesce(d.${column}, 0)`))

/**
 * Each by its key, whatever the planner believes of the table: a plan that is made while it is empty would go through
 * all spans of the tenant, and is kept.
 */
function oneByOne(traceId: string, id: string): string {
  return `lateral (
    select * from spans where tenant_id = $1 and trace_id = ${traceId} and id = ${id} offset 0) as s`
}

/**
 * In the feed, of what is written now (see PROTOCOL.md, 3). The moment is when all rows are held: by the snapshot of the
 * statement, a trace that others made and removed while it waited would still be to come.
 */
function placeAt(snapshot: string): string {
  return `greatest(pg_current_xact_id(), (pg_snapshot_xmax(${snapshot})::text::numeric - 1)::text::xid8)`
}

/** Sorted, so that two of them can't wait for each other. */
export const insertAgents = `
  insert into agents (tenant_id, id, name, first_seen_at, last_seen_at)
  select $1, id, name, $4, $4 from unnest($2::text[], $3::text[]) as given(id, name) order by name
  on conflict (tenant_id, name) do nothing`

const iso = (moment: string) => `to_char(${moment} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`

/** Locked in the order of their ids, so that two batches can't wait for each other. */
export const holdTraces = `
  select id, status as "wasStatus", ${imageOf('traces')} as "wasImage", model, provider,
    ${iso('given_started_at')} as "startedAt",
    given_input_tokens as "inputTokens", given_output_tokens as "outputTokens",
    given_cached_input_tokens as "cachedInputTokens", given_reasoning_tokens as "reasoningTokens",
    computed_cost as "computedCost"
  from traces where tenant_id = $1 and id = any($2) order by id for no key update`

export const findFormerSpans = `
  select s.trace_id as "traceId", s.id, kind, model, provider, ${iso('started_at')} as "startedAt",
    input_tokens as "inputTokens", output_tokens as "outputTokens", cached_input_tokens as "cachedInputTokens",
    reasoning_tokens as "reasoningTokens", computed_cost as "computedCost"
  from unnest($2::text[], $3::text[]) as given(trace_id, id), ${oneByOne('given.trace_id', 'given.id')}`

/**
 * $1 tenant, $2 now, $3 month, $4 spans, $5 traces, $6 contents of traces, $7 names of agents, $8 ids of the traces that
 * are held, $9 to $13 contents of spans, as columns. Whatever a repeated record would not change is not written, and not
 * announced.
 *
 * Of a batch that holds no trace all is expected to be new: it is inserted plainly, which takes a third less than asking
 * before each row whether it is there, and what is there all the same ends it as a unique violation.
 */
export const storeMerged = storeStatement({ isFresh: false })
export const storeFresh = storeStatement({ isFresh: true })

function storeStatement({ isFresh }: { isFresh: boolean }): string {
  const onConflict = (key: string, update: string) =>
    isFresh ? '' : `on conflict (tenant_id, ${key}) do update set ${update}`
  const isNew = (row: string) => (isFresh ? 'true' : `${row}.xmax = 0`)
  const before = isFresh ? 'null' : `case when g."wasImage" is distinct from t.image then g."wasImage"::json end`
  return `
  with given_spans as materialized (
    select * from json_to_recordset($4::json)
      as g("traceId" text, id text, ${recordset(spanColumns)}, "computedCost" numeric)),
  given_traces as materialized (
    select * from json_to_recordset($5::json)
      as g(id text, ${recordset(traceColumns)}, "computedCost" numeric, "wasStatus" smallint, "wasImage" text)),
  former as (
    select s.trace_id, s.id, ${contributions('s')}
    from given_spans g, ${oneByOne('g."traceId"', 'g.id')} where g."traceId" = any($8::text[])),
  stored as (
    insert into spans as s (tenant_id, trace_id, id, ${columnList(spanColumns)}, computed_cost, created_at)
    select $1, g."traceId", g.id, ${fieldList(spanColumns, 'g')}, g."computedCost", $2::timestamptz
    from given_spans g
    ${onConflict(
      'trace_id, id',
      `${assignments('s', spanColumns)}, computed_cost = excluded.computed_cost
      where ${isChanged('s', spanColumns)} or s.computed_cost is distinct from excluded.computed_cost`,
    )}
    returning s.trace_id, s.id, ${isNew('s')} as is_new, s.started_at, s.ended_at, ${contributions('s')}),
  stored_contents as (
    insert into span_contents as c (tenant_id, trace_id, span_id, ${columnList(spanContentColumns)})
    select $1, trace_id, span_id, ${spanContentColumns.map(({ field }) => `nullif(${field}, '')::json`).join(', ')}
    from unnest($9::text[], $10::text[], ${[11, 12, 13].map((n) => `string_to_array($${n}, e'\x1f')`).join(', ')})
      as g(trace_id, span_id, ${spanContentColumns.map(({ field }) => field).join(', ')})
    ${onConflict(
      'trace_id, span_id',
      `${assignments('c', spanContentColumns)} where ${isChanged('c', spanContentColumns)}`,
    )}
    returning c.trace_id, c.span_id),
  stored_trace_contents as (
    insert into trace_contents as c (tenant_id, trace_id, ${columnList(traceContentColumns)})
    select $1, g."traceId", ${fieldList(traceContentColumns, 'g')}
    from json_to_recordset($6::json) as g("traceId" text, ${recordset(traceContentColumns)})
    ${onConflict('trace_id', `${assignments('c', traceContentColumns)} where ${isChanged('c', traceContentColumns)}`)}
    returning c.trace_id),
  changed_spans as (
    select trace_id, array_agg(id order by id) as ids
    from (select trace_id, id from stored union select trace_id, span_id from stored_contents) each group by trace_id),
  touched as (select trace_id from changed_spans union select trace_id from stored_trace_contents),
  delta as (
    select n.trace_id, count(*) filter (where n.is_new) as spans, min(n.started_at) as started_at,
      max(n.ended_at) as ended_at, ${differences.join(', ')}
    from stored n left join former o on o.trace_id = n.trace_id and o.id = n.id group by n.trace_id),
  stored_traces as (
    insert into traces as t (tenant_id, id, ${columnList(traceColumns)}, computed_cost, span_count, spans_started_at,
      spans_ended_at, ${sumColumns}, created_at, updated_at)
    select $1, g.id, ${fieldList(traceColumns, 'g')}, g."computedCost", coalesce(d.spans, 0), d.started_at, d.ended_at,
      ${sumFields.join(', ')}, $2::timestamptz, $2::timestamptz
    from given_traces g left join delta d on d.trace_id = g.id order by 2
    ${onConflict(
      'id',
      `${assignments('t', traceColumns)}, computed_cost = excluded.computed_cost,
        span_count = t.span_count + excluded.span_count,
        spans_started_at = least(t.spans_started_at, excluded.spans_started_at),
        spans_ended_at = greatest(t.spans_ended_at, excluded.spans_ended_at),
        ${carriedForward.join(', ')}, updated_at = greatest(t.updated_at, excluded.updated_at)
      where ${isChanged('t', traceColumns)} or t.computed_cost is distinct from excluded.computed_cost
        or t.id in (select trace_id from touched)`,
    )}
    returning t.id, ${isNew('t')} as is_new, t.status${isFresh ? '' : `, ${imageOf('t')} as image`}),
  new as (
    select (select count(*) from stored where is_new)::int as spans,
      (select count(*) from stored_traces where is_new)::int as traces),
  counted as (
    insert into usage as u (tenant_id, month, traces, spans)
    select $1, $3, traces, spans from new where traces > 0 or spans > 0
    on conflict (tenant_id, month) do update set traces = u.traces + excluded.traces, spans = u.spans + excluded.spans
    returning u.spans),
  moment as (select snapshot_of_now() as snapshot from new),
  fed as (
    insert into feed (tenant_id, place, kind, trace_id, span_ids, before, at)
    select $1, ${placeAt('m.snapshot')}, kind, t.id, case when kind < 2 then coalesce(c.ids, '{}') else '{}' end,
      ${before}, $2::timestamptz
    from moment m cross join stored_traces t join given_traces g using (id)
    left join changed_spans c on c.trace_id = t.id
    cross join lateral (
      select case when t.is_new then 0 else 1 end union all
      select 2 where t.status > 0 and coalesce(g."wasStatus", 0) = 0) as e(kind)
    order by t.id, kind),
  contents_by_trace as (select trace_id, array_agg(span_id) as ids from stored_contents group by trace_id),
  due as (
    insert into search_due (tenant_id, trace_id, span_ids)
    select $1, trace_id, ids from (
      select t.id as trace_id, coalesce(c.ids, '{}') || case when t.is_new or g.name is not null
        or g."promptName" is not null or g.model is not null or t.id in (select trace_id from stored_trace_contents)
        then '{""}'::text[] else '{}' end as ids
      from stored_traces t join given_traces g using (id) left join contents_by_trace c on c.trace_id = t.id) as changed
    where ids <> '{}'),
  seen as (
    update agents a set last_seen_at = $2::timestamptz from (
      select id from agents where tenant_id = $1 and name = any($7::text[])
        and last_seen_at < $2::timestamptz - interval '1 second'
      for no key update skip locked) as stale
    where a.tenant_id = $1 and a.id = stale.id)
  select new.spans as "newSpans", coalesce((select spans from counted), 0) as spans,
    (select monthly_span_limit from tenants where id = $1) as "limit",
    (select array_agg(id) from stored_traces) as changed,
    exists (select from stored_traces t where not t.is_new and not t.id = any($8::text[])) or exists (
      select from stored n where not n.is_new
        and not exists (select from former o where o.trace_id = n.trace_id and o.id = n.id)) as "isRaced",
    (select snapshot from moment)::text as snapshot, pg_current_xact_id()::text as own
  from new`
}
