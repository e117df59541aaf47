import type { Pool, PoolClient } from 'pg'
import { inTransaction } from '../infra/transaction.ts'
import { findMeaningIndex, type MeaningIndex } from './meaning-index.repository.ts'
import { andMatches } from './reasoning-filter.repository.ts'
import type { ReasoningFilter } from './reasoning-filter.ts'
import { maxRanked, type QueryWord, type WordQuery } from './reasoning-search.ts'
import { queryWordsOf } from './reasoning-words.repository.ts'
import { signatureOf, vectorOf } from './signature.ts'

/** Finds records by words, and by vectors; what a filter means is exact in both. */
export type ReasoningSearchRepository = ReturnType<typeof createReasoningSearchRepository>

export interface Near {
  id: string
  vector: Float32Array
}

interface Asked {
  model: string
  vector: Float32Array
  filter: ReasoningFilter
}

/** A query of 2,000 characters may have 500; the longest are the rarest. */
const maxWords = 32
/** Among so many, the records whose signatures are nearest are found by reading all signatures, in 15 ms. */
const readFrom = 50_000
const indexBelievedMs = 60_000

export function createReasoningSearchRepository(pool: Pool, now: () => number = Date.now) {
  let index: { found: Promise<MeaningIndex | null>; at: number } | undefined

  /** Looked for now and then: it may be made, or go, while we run. */
  function meaningIndex(): Promise<MeaningIndex | null> {
    if (!index || now() - index.at > indexBelievedMs) {
      index = { found: findMeaningIndex(pool), at: now() }
      index.found.catch(() => {
        index = undefined
      })
    }
    return index.found
  }

  async function findNear(tenantId: string, { model, vector, filter }: Asked, how: Nearness): Promise<Near[]> {
    const values: unknown[] = [tenantId, model, signatureOf(vector)]
    const text = how.textOf(andMatches(filter, values))
    const find = (client: PoolClient) => client.query<{ id: string; vector: Buffer }>(text, values)
    const { rows } = await inTransaction(pool, find, how.begin)
    return rows.map((row) => ({ id: row.id, vector: vectorOf(row.vector) }))
  }

  async function isLarge(tenantId: string): Promise<boolean> {
    const { rows } = await pool.query(isLargeTenant, [tenantId, readFrom])
    return rows[0].isLarge
  }

  return {
    /** The words that a query is looked for by, as PostgreSQL quotes them. */
    async splitWords(query: string): Promise<string[]> {
      const { rows } = await pool.query({ name: 'split-query', text: splitWords, values: [query, maxWords] })
      return rows.map(({ quoted }) => quoted)
    },

    async countWords(tenantId: string, quoted: readonly string[]): Promise<QueryWord[]> {
      const { rows } = await pool.query({
        name: 'count-words',
        text: countWords,
        values: [tenantId, quoted, maxRanked],
      })
      return rows
    },

    /** The best first. */
    async findByWords(tenantId: string, query: WordQuery, filter: ReasoningFilter, limit: number): Promise<string[]> {
      const { rare, common, words, weights } = query
      const values: unknown[] = [tenantId, rare || null, common || null, words, weights, limit]
      const { rows } = await pool.query(findByWords(andMatches(filter, values)), values)
      return rows.map(({ id }) => id)
    },

    /**
     * Those whose signatures are nearest, in no order, with their vectors of this model. Where the index of pgvector does
     * not find as many as were asked for, because it came upon those of other tenants or models first, all are read.
     */
    async findByMeaning(tenantId: string, asked: Asked): Promise<Near[]> {
      const found = await meaningIndex()
      const isFiltered = andMatches(asked.filter, []) !== ''
      if (found && !isFiltered && (await isLarge(tenantId))) {
        const near = await findNear(tenantId, asked, byIndex(found))
        if (near.length >= fewest) return near
      }
      if (isFiltered && !isIndexed(asked.filter)) {
        const near = await findNear(tenantId, asked, amongNearest)
        if (near.length >= fewest) return near
      }
      return findNear(tenantId, asked, byReading)
    },
  }
}

interface Nearness {
  textOf(conditions: string): string
  begin: string
}

/**
 * To compile the statement takes longer than it does, and a second process for it is one that words are not looked for by.
 * Pages that lie apart cost little more than those in a row: a tag that 4,000 records have is found in 12 ms by its index,
 * and in 80 by reading all.
 */
const settings = `
  begin read only; set local jit = off; set local max_parallel_workers_per_gather = 0; set local random_page_cost = 1.1`

const byBits = 'bit_count(s.signature # $3::bit(512))'

const byReading: Nearness = { textOf: (conditions) => nearest(conditions, byBits), begin: settings }

/** Of what most records may have, such as a type, the nearest are looked at first: to look for all that have it takes 0.2 s. */
const amongNearest: Nearness = { textOf: nearestFirst, begin: settings }

/** What finds its records by an index; they are few, or looked for in order. */
function isIndexed({ agent, sessionId, tag, traceId }: ReasoningFilter): boolean {
  return [agent, sessionId, tag, traceId].some((wanted) => (wanted ?? null) !== null)
}

function byIndex({ schema, isIterative }: MeaningIndex): Nearness {
  const iterative = isIterative ? '; set local hnsw.iterative_scan = strict_order' : ''
  return {
    textOf: (conditions) => nearest(conditions, `s.signature operator(${schema}.<~>) $3::bit(512)`),
    begin: `${settings}; set local hnsw.ef_search = 1000${iterative}`,
  }
}

const fewest = 400

/** Of 400 of 100,000 the ten best by signature and by vector are the same in 97 of 100 cases; of more it takes more. */
const howMany = `(
  select case when coalesce(max(sequence), 0) > 100000 then 1000 else ${fewest} end from ledger_heads where tenant_id = $1)`

/** Signatures alone are gone through; the vectors of those that are chosen are then fetched one by one. */
function nearest(conditions: string, distance: string): string {
  const meant = `meant as materialized (select r.id from reasoning_traces r where r.tenant_id = $1 ${conditions})`
  return `
    ${conditions && `with ${meant}`}
    ${withVectors(`
      select s.reasoning_id from reasoning_vectors s ${conditions && 'join meant m on m.id = s.reasoning_id'}
      where s.tenant_id = $1 and s.model = $2 order by ${distance} limit ${howMany}`)}`
}

/** Of ten times as many as are wanted; where too few of those are meant, others would have been nearer. */
function nearestFirst(conditions: string): string {
  return withVectors(`
    select c.reasoning_id from (
      select s.reasoning_id, ${byBits} as distance from reasoning_vectors s
      where s.tenant_id = $1 and s.model = $2 order by distance limit 10 * ${howMany}) c
    cross join lateral (
      select from reasoning_traces r where r.tenant_id = $1 and r.id = c.reasoning_id ${conditions} offset 0) r
    order by c.distance limit ${howMany}`)
}

function withVectors(chosen: string): string {
  return `
    select n.reasoning_id as id, v.vector from (${chosen}) n cross join lateral (
      select vector from reasoning_vectors v
      where v.tenant_id = $1 and v.model = $2 and v.reasoning_id = n.reasoning_id offset 0) v`
}

const isLargeTenant = `
  select exists (select from ledger_heads where tenant_id = $1 and sequence > $2) as "isLarge"`

const splitWords = `
  select array_to_tsvector(array[lexeme])::text as quoted from unnest(${queryWordsOf('$1::text')})
  order by length(lexeme) desc, lexeme limit $2`

/** Counted, as far as they may be ranked; beyond, estimated by the newest records. */
const countWords = `
  with newest as materialized (
    select words from reasoning_traces where tenant_id = $1 order by sequence desc limit 200),
  size as materialized (
    select greatest((select max(sequence) from reasoning_traces where tenant_id = $1), 0)::float8 as "all")
  select a.quoted, s."all", case when c.records <= $3 then c.records else greatest(c.records, (
    select s."all" * count(*) filter (where n.words @@ a.quoted::tsquery) / greatest(count(*), 1) from newest n)) end as records
  from size s cross join unnest($2::text[]) as a(quoted) cross join lateral (
    select count(*)::float8 as records from (
      select from reasoning_traces r where r.tenant_id = $1 and r.words @@ a.quoted::tsquery limit $3::int + 1) m) c`

/**
 * Frequent words come by themselves: what is too much of them is left out, and must not keep out what a rare one finds.
 * The vector is unpacked once, and not for each word. The summary and the conclusion count two and a half times.
 */
function findByWords(conditions: string): string {
  const found = (condition: string) => `
    (select r.id, r.words || ''::tsvector as words from reasoning_traces r
    where r.tenant_id = $1 and ${condition} ${conditions} limit ${2 * maxRanked})`
  return `
    with found as materialized (
      ${found('r.words @@ $2::tsquery')} union all
      ${found('r.words @@ $3::tsquery and (r.words @@ $2::tsquery) is not true')})
    select id from found f order by (
      select sum(weight * ts_rank('{0.4, 0.4, 0.4, 1}', f.words, word::tsquery))
      from unnest($4::text[], $5::float8[]) as w(word, weight)) desc, id limit $6`
}
