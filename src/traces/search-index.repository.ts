import { setImmediate as breath } from 'node:timers/promises'
import type { Pool, PoolClient } from 'pg'
import { gramsOfNames, type Named, namesOf } from './search-text.ts'
import { maxJsonLength, wordsOfJson } from './search-words.ts'

/**
 * Puts into `search_entries` what `search_due` names: spans, or, by an empty id or none at all, the trace itself with
 * its names, messages, variables and output. Any number of workers may share it:
 *
 * - Whoever is at a trace holds a lock on its id, and reads its contents after getting it: who writes last has read
 *   last. What is due of a trace that somebody else is at is left to them.
 * - What was due goes in the transaction that stores its entries: where that is killed, it is due as before.
 * - Only a trace that is there gets entries, and only of what was read of this one, not of another that had its id:
 *   whoever removes a trace holds its row first and removes its entries afterwards.
 *
 * The feed waits for every transaction that writes. So this one reads and reckons first, and then writes for a tenth
 * of a second at the very most, in one statement; a long list of spans is done in pieces. A crash may take it back:
 * then it is due again.
 *
 * An entry of 1.6 KB and 245 words costs 0.8 ms of a processor of 2026, 0.1 ms of it here and the rest in the index: a
 * core does 2 MB a second.
 */
export type SearchIndexRepository = ReturnType<typeof createSearchIndexRepository>

const maxRows = 100
const maxEntries = 100
const maxWords = 20_000
/** About 32 MB. */
const maxCollectedWords = 1_000_000
/** How long others in this process wait, at most, while words are picked. */
const breathMs = 10
/** Stands in no word and in no name. */
const separator = '\u001f'

export function createSearchIndexRepository(pool: Pool) {
  let collectedWords = 0

  /**
   * PostgreSQL collects what is new in a GIN index and sorts it in when there is enough: much at once takes half the
   * work. It would do so in the midst of whichever writing was one too many, for seconds; here nobody waits for it.
   * Until then a search reads what is collected from end to end: 20 ms where it is the most.
   */
  async function sortIn(client: PoolClient): Promise<void> {
    if (collectedWords < maxCollectedWords) return
    await client.query(sortInWords)
    collectedWords = 0
  }

  return {
    /** Indexes some of what is due. False: nothing is, but for what others are at. */
    async indexSome(): Promise<boolean> {
      const client = await pool.connect()
      try {
        await client.query(begin)
        const words = await indexSome(client)
        await client.query('commit')
        collectedWords += words ?? 0
        await sortIn(client)
        client.release()
        return words !== null
      } catch (error) {
        await client.query('rollback').then(
          () => client.release(),
          (broken) => client.release(broken),
        )
        throw error
      }
    },
  }
}

/** What an entry is of: a span, or with an empty `spanId` the trace itself. */
interface Place {
  tenantId: string
  traceId: string
  spanId: string
}

interface DueRow extends Omit<Place, 'spanId'> {
  id: string
  /** The first of them. */
  spanIds: string[]
  /** How many it has in all; none counts as one. */
  length: number
}

interface Trace extends Named, Omit<Place, 'spanId'> {
  createdAt: string
}

interface Entry extends Place {
  names: string | null
  words: string
}

/** JSON texts, as far as they are looked through. */
type Contents = ReadonlyMap<string, (string | null)[]>
type Traces = ReadonlyMap<string, Trace>

/** Says how many words it has stored; null where nothing was due. */
async function indexSome(client: PoolClient): Promise<number | null> {
  const { rows } = await client.query<DueRow>({ name: 'take-due', text: takeDue, values: [maxRows, maxEntries] })
  if (rows.length === 0) return null
  const places = rows.flatMap(({ spanIds, tenantId, traceId }) =>
    spanIds.map((spanId) => ({ tenantId, traceId, spanId })),
  )
  const traces = await findTraces(client, rows)
  const contents = await findContents(client, places)
  const { entries, done, words } = await makeEntries(places, traces, contents)
  await store(client, { rows, done, entries, traces })
  return words
}

async function findTraces(client: PoolClient, rows: readonly DueRow[]): Promise<Traces> {
  const values = columnsOf(rows, ['tenantId', 'traceId'])
  const found = await client.query<Trace>({ name: 'find-due-traces', text: findDueTraces, values })
  return new Map(found.rows.map((trace) => [keyOf({ ...trace, spanId: '' }), trace]))
}

async function findContents(client: PoolClient, places: readonly Place[]): Promise<Contents> {
  const values = [...columnsOf(places, ['tenantId', 'traceId', 'spanId']), maxJsonLength]
  const found = await client.query({ name: 'find-due-contents', text: findDueContents, values, rowMode: 'array' })
  return new Map(
    found.rows.map(([tenantId, traceId, spanId, ...texts]) => [keyOf({ tenantId, traceId, spanId }), texts]),
  )
}

/** As many as fit into one writing; says of how many places. */
async function makeEntries(places: readonly Place[], traces: Traces, contents: Contents) {
  const entries = new Map<string, Entry>()
  let done = 0
  let words = 0
  let rested = performance.now()
  for (const place of places) {
    if (words >= maxWords) break
    done++
    const trace = traces.get(keyOf({ ...place, spanId: '' }))
    const texts = contents.get(keyOf(place))
    if (!trace || entries.has(keyOf(place)) || (place.spanId !== '' && !texts)) continue
    const names = place.spanId === '' ? namesOf(trace) : null
    const found = [...(names === null ? [] : gramsOfNames(names)), ...wordsOfJson(texts ?? [])]
    entries.set(keyOf(place), { ...place, names, words: found.join(separator) })
    words += found.length
    if (performance.now() - rested < breathMs) continue
    await breath()
    rested = performance.now()
  }
  return { entries: [...entries.values()], done, words }
}

interface Writing {
  rows: readonly DueRow[]
  done: number
  entries: readonly Entry[]
  traces: Traces
}

async function store(client: PoolClient, { rows, done, entries, traces }: Writing): Promise<void> {
  let left = done
  const taken = rows.map((row) => {
    const count = Math.min(left, row.spanIds.length)
    left -= count
    return { ...row, count }
  })
  const values = [
    ...columnsOf(taken, ['tenantId', 'id', 'length', 'count']),
    ...columnsOf([...traces.values()], ['tenantId', 'traceId', 'createdAt']),
    ...columnsOf(entries, ['tenantId', 'traceId', 'spanId', 'names', 'words']),
    separator,
  ]
  await client.query({ name: 'store-entries', text: storeEntries, values })
}

const begin = `begin; set local synchronous_commit = off; set local gin_pending_list_limit = '256MB'`

/** Takes seconds, which those who wait for answers may not have. */
const sortInMs = 300_000
const sortInWords = {
  text: `
    begin; set local statement_timeout = ${sortInMs};
    select gin_clean_pending_list('search_entries_by_words'); commit`,
  query_timeout: sortInMs,
}

/** For `unnest`. */
function columnsOf<Row>(rows: readonly Row[], columns: readonly (keyof Row)[]): unknown[][] {
  return columns.map((column) => rows.map((row) => row[column]))
}

function keyOf({ tenantId, traceId, spanId }: Place): string {
  return `${tenantId}\0${traceId}\0${spanId}`
}

const lengthOf = (ids: string) => `greatest(cardinality(${ids}), 1)`

/**
 * In no order, so that neither a sort nor an index of their own is needed, and the limit ends the locking too. The
 * lock ends with the transaction. It is not one on the rows, which would make this a transaction that writes.
 */
const takeDue = `
  with candidates as materialized (
    select tenant_id, id, trace_id, span_ids from search_due
    where pg_try_advisory_xact_lock(hashtextextended(tenant_id || '/' || trace_id, 0)) limit $1),
  measured as (select *, ${lengthOf('span_ids')} as length from candidates),
  counted as (select *, sum(length) over (order by id) - length as before from measured)
  select tenant_id as "tenantId", id, trace_id as "traceId", length,
    case when span_ids <> '{}' then span_ids[1 : ($2 - before)::int] else '{""}' end as "spanIds"
  from counted where before < $2 order by id`

const findDueTraces = `
  select distinct t.tenant_id as "tenantId", t.id as "traceId", t.created_at::text as "createdAt",
    t.prompt_name as "promptName", t.model, t.name
  from unnest($1::text[], $2::text[]) as due(tenant_id, id) join traces t using (tenant_id, id)`

const findDueContents = `
  with due as (select * from unnest($1::text[], $2::text[], $3::text[]) as due(tenant_id, trace_id, span_id))
  select tenant_id, trace_id, span_id, left(c.input::text, $4), left(c.output::text, $4), null
  from due join span_contents c using (tenant_id, trace_id, span_id)
  union all
  select tenant_id, trace_id, '', left(c.messages::text, $4), left(c.variables::text, $4), left(c.output::text, $4)
  from due join trace_contents c using (tenant_id, trace_id) where due.span_id = ''`

/** $1 to $4 what was due and how far it is done, $5 to $7 the traces as they were read, $8 to $12 the entries. */
const storeEntries = `
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
