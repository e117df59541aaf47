/** The statements of `search-index.repository.ts`. */
export const begin = `begin; set local synchronous_commit = off; set local gin_pending_list_limit = '256MB'`

/** Takes seconds, which those who wait for answers may not have. */
const sortInMs = 300_000
export const beginSortIn = `begin; set local statement_timeout = ${sortInMs}`
export const sortInWords = {
  text: `select gin_clean_pending_list('search_entries_by_words')`,
  query_timeout: sortInMs,
}

const lengthOf = (ids: string) => `greatest(cardinality(${ids}), 1)`

/**
 * In no order, so that neither a sort nor an index of their own is needed, and the limit ends the locking too. The
 * lock ends with the transaction. It is not one on the rows, which would make this a transaction that writes.
 */
export const takeDue = `
  with candidates as materialized (
    select tenant_id, id, trace_id, span_ids from search_due
    where pg_try_advisory_xact_lock(hashtextextended(tenant_id || '/' || trace_id, 0)) limit $1),
  measured as (select *, ${lengthOf('span_ids')} as length from candidates),
  counted as (select *, sum(length) over (order by id) - length as before from measured)
  select tenant_id as "tenantId", id, trace_id as "traceId", length,
    case when span_ids <> '{}' then span_ids[1 : ($2 - before)::int] else '{""}' end as "spanIds"
  from counted where before < $2 order by id`

/** Once each, however often it is due. */
export const findDuePlaces = `
  select distinct tenant_id as "tenantId", trace_id as "traceId",
    unnest(case when span_ids <> '{}' then span_ids else '{""}' end) as "spanId"
  from search_due where tenant_id = $1 and trace_id = any($2)`

export const findDueTraces = `
  select distinct t.tenant_id as "tenantId", t.id as "traceId", to_json(t.created_at) #>> '{}' as "createdAt",
    t.prompt_name as "promptName", t.model, t.name
  from unnest($1::text[], $2::text[]) as due(tenant_id, id) join traces t using (tenant_id, id)`

export const findDueContents = `
  with due as (select * from unnest($1::text[], $2::text[], $3::text[]) as due(tenant_id, trace_id, span_id))
  select tenant_id, trace_id, span_id, left(c.input::text, $4), left(c.output::text, $4), null
  from due join span_contents c using (tenant_id, trace_id, span_id)
  union all
  select tenant_id, trace_id, '', left(c.messages::text, $4), left(c.variables::text, $4), left(c.output::text, $4)
  from due join trace_contents c using (tenant_id, trace_id) where due.span_id = ''`

/** $1 to $4 what was due and how far it is done, $5 to $7 the traces as they were read, $8 to $12 the entries. */
export const storeEntries = `
  with taken as (select * from unnest($1::text[], $2::bigint[], $3::int[], $4::int[]) as taken(tenant_id, id, length, count)),
  done as (
    delete from search_due d using taken
    where d.tenant_id = taken.tenant_id and d.id = taken.id and ${lengthOf('d.span_ids')} = length and count >= length),
  shortened as (
    update search_due d set span_ids = d.span_ids[count + 1 :] from taken
    where d.tenant_id = taken.tenant_id and d.id = taken.id and ${lengthOf('d.span_ids')} = length
      and count between 1 and length - 1),
  held as materialized (
    select t.tenant_id, t.id as trace_id
    from unnest($5::text[], $6::text[], $7::timestamptz[]) as read(tenant_id, id, created_at)
    join traces t using (tenant_id, id, created_at) order by 1, 2 for key share of t)
  insert into search_entries as e (tenant_id, trace_id, span_id, names, words)
  select tenant_id, trace_id, span_id, names, string_to_array(words, $13)
  from unnest($8::text[], $9::text[], $10::text[], $11::text[], $12::text[])
    as made(tenant_id, trace_id, span_id, names, words)
  join held using (tenant_id, trace_id)
  on conflict (tenant_id, trace_id, span_id) do update set names = excluded.names, words = excluded.words
    where e.names is distinct from excluded.names or e.words is distinct from excluded.words`
