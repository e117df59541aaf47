import type { Pool } from 'pg'
import { untilUnraced } from '../infra/transaction.ts'
import { bytesOf, signatureOf } from './signature.ts'

/**
 * What records mean, and which of them it is still to be reckoned of (`reasoning_due`). Any number of workers share it:
 *
 * - Whoever takes a record has it for a while, by an update that skips what others are at. It is free again when the
 *   worker is done with it, or gone.
 * - No transaction is open while vectors are made: the feed waits for everybody who writes.
 * - A vector is stored, and its record no longer due, in one statement, if the record is still there. Records never
 *   change, so whoever stores last has stored the same.
 *
 * Tenants are served in turn: one that has brought a hundred thousand records keeps no other waiting.
 */
export type ReasoningVectorRepository = ReturnType<typeof createReasoningVectorRepository>

export interface RecordKey {
  tenantId: string
  id: string
}

/** What is looked at of a record. */
export interface DueRecord extends RecordKey {
  summary: string
  observations: string[]
  hypothesis: string | null
  conclusion: string
  keyFacts: string[]
}

export interface Embedded extends RecordKey {
  /** Null: there is nothing in it that could be looked at. It is no longer due all the same. */
  vector: Float32Array | null
}

/** A place among all records, in the order of their keys. */
export type RecordPlace = RecordKey

export const firstPlace: RecordPlace = { tenantId: '', id: '' }

export function createReasoningVectorRepository(pool: Pool) {
  /** The tenant that was served last; those behind it are next. */
  let servedLast = ''

  async function takeBehind(tenantId: string, limit: number, leaseMs: number): Promise<DueRecord[]> {
    const values = [tenantId, limit, leaseMs]
    const { rows } = await pool.query<DueRecord>({ name: 'take-due-reasoning', text: takeDue, values })
    servedLast =
      rows
        .map((row) => row.tenantId)
        .sort()
        .at(-1) ?? ''
    return rows
  }

  return {
    /** Some of what is due and nobody is at, for so long. Nothing: there is no such record. */
    async takeDue(limit: number, leaseMs: number): Promise<DueRecord[]> {
      const from = servedLast
      const taken = await takeBehind(from, limit, leaseMs)
      if (from === '' || taken.length === limit) return taken
      return [...taken, ...(await takeBehind('', limit - taken.length, leaseMs))]
    },

    /** Gives up what was taken, and lets it rest; a record that is old for half its age, within those limits. */
    async putBack(keys: readonly RecordKey[], { leastMs, mostMs }: { leastMs: number; mostMs: number }): Promise<void> {
      await pool.query(putBack, [...columnsOf(keys), leastMs, mostMs])
    },

    async storeVectors(model: string, embedded: readonly Embedded[]): Promise<void> {
      const sorted = embedded.toSorted((one, other) => compareKeys(one, other))
      const vectors = sorted.map(({ vector }) => vector)
      const signatures = vectors.map((vector) => vector && signatureOf(vector))
      const bytes = vectors.map((vector) => vector && bytesOf(vector))
      const values = [...columnsOf(sorted), signatures, bytes, model]
      await untilUnraced(() => pool.query({ name: 'store-vectors', text: storeVectors, values }))
    },

    /** All, and without those that rest. */
    async countDue(): Promise<{ all: number; open: number }> {
      return (await pool.query(countDue)).rows[0]
    },

    /**
     * Makes due what has no vector of the model: of so many records behind a place. Where the next begin, and null behind
     * the last.
     */
    async markDue(
      model: string,
      from: RecordPlace,
      limit = 5_000,
    ): Promise<{ marked: number; next: RecordPlace | null }> {
      const { rows } = await pool.query(markDue, [from.tenantId, from.id, limit, model])
      const { tenantId, id, marked } = rows[0]
      return { marked, next: tenantId === null ? null : { tenantId, id } }
    },

    /** Vectors of other models, of records that have one of this: so many at most. How many it were. */
    async removeOthers(model: string, limit = 1_000): Promise<number> {
      const { rowCount } = await pool.query(removeOthers, [model, limit])
      return rowCount ?? 0
    },
  }
}

function columnsOf(keys: readonly RecordKey[]): [string[], string[]] {
  return [keys.map(({ tenantId }) => tenantId), keys.map(({ id }) => id)]
}

/** As PostgreSQL sorts them: by bytes, which for all but a few letters is by code units. */
function compareKeys(one: RecordKey, other: RecordKey): number {
  if (one.tenantId !== other.tenantId) return one.tenantId < other.tenantId ? -1 : 1
  return one.id < other.id ? -1 : Number(one.id > other.id)
}

/** Times are kept in milliseconds, and may have been rounded up. */
const isFree = `due_at <= now() + interval '1 ms' and (taken_until is null or taken_until < now())`

/** Behind the tenant that was served last, each in turn, by steps along the primary key. */
const takeDue = `
  with recursive walk as (
    (select tenant_id from reasoning_due where tenant_id > $1 and ${isFree} order by tenant_id limit 1)
    union all
    select (
      select d.tenant_id from reasoning_due d where d.tenant_id > w.tenant_id and ${isFree} order by d.tenant_id limit 1)
    from walk w where w.tenant_id is not null),
  tenants as materialized (select tenant_id from walk where tenant_id is not null limit $2),
  free as materialized (
    select d.tenant_id, d.reasoning_id
    from tenants t cross join lateral (
      select tenant_id, reasoning_id from reasoning_due where tenant_id = t.tenant_id and ${isFree}
      order by reasoning_id limit greatest(1, $2 / (select count(*) from tenants))
      for update skip locked) d),
  taken as (
    update reasoning_due d set taken_until = now() + $3 * interval '1 ms' from free f
    where d.tenant_id = f.tenant_id and d.reasoning_id = f.reasoning_id
    returning d.tenant_id, d.reasoning_id)
  select r.tenant_id as "tenantId", r.id, r.summary, to_json(r.observations) as observations, r.hypothesis, r.conclusion,
    to_json(r.key_facts) as "keyFacts"
  from taken t join reasoning_traces r on r.tenant_id = t.tenant_id and r.id = t.reasoning_id`

const putBack = `
  update reasoning_due d set taken_until = null,
    due_at = now() + least($4 * interval '1 ms', greatest($3 * interval '1 ms', (now() - r.created_at) / 2))
  from unnest($1::text[], $2::text[]) as g(tenant_id, id)
  join reasoning_traces r on r.tenant_id = g.tenant_id and r.id = g.id
  where d.tenant_id = g.tenant_id and d.reasoning_id = g.id`

const countDue = `
  select count(*)::float8 as "all", count(*) filter (where due_at <= now() + interval '1 ms')::float8 as open
  from reasoning_due`

/**
 * Holds the records first, in their order, and only then writes of them: whoever deletes one holds it first too, so
 * that neither waits for the other at both.
 */
const storeVectors = `
  with there as materialized (
    select g.* from unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) as g(tenant_id, id, signature, vector)
    join reasoning_traces r on r.tenant_id = g.tenant_id and r.id = g.id
    order by g.tenant_id, g.id for key share of r),
  stored as (
    insert into reasoning_vectors (tenant_id, model, reasoning_id, signature, vector)
    select tenant_id, $5, id, signature::bit(512), vector from there where vector is not null
    on conflict do nothing)
  delete from reasoning_due d using there t where d.tenant_id = t.tenant_id and d.reasoning_id = t.id`

/** Skips what somebody is deleting at the moment. */
const markDue = `
  with page as materialized (
    select tenant_id, id from reasoning_traces where (tenant_id, id) > ($1, $2) order by tenant_id, id limit $3),
  missing as materialized (
    select r.tenant_id, r.id from reasoning_traces r join page p on p.tenant_id = r.tenant_id and p.id = r.id
    where not exists (
      select from reasoning_vectors v where v.tenant_id = r.tenant_id and v.model = $4 and v.reasoning_id = r.id)
    for key share of r skip locked),
  marked as (
    insert into reasoning_due (tenant_id, reasoning_id, due_at) select tenant_id, id, now() from missing
    on conflict (tenant_id, reasoning_id) do update set due_at = now() where reasoning_due.due_at > now()
    returning 1)
  select (select count(*)::int from marked) as marked, last.tenant_id as "tenantId", last.id
  from (select) one left join (
    select * from page where (select count(*) from page) = $3 order by tenant_id desc, id desc limit 1) last on true`

const removeOthers = `
  with others as (
    select v.tenant_id, v.model, v.reasoning_id from reasoning_vectors v
    where v.model <> $1 and exists (
      select from reasoning_vectors n
      where n.tenant_id = v.tenant_id and n.model = $1 and n.reasoning_id = v.reasoning_id)
    limit $2)
  delete from reasoning_vectors v using others o
  where v.tenant_id = o.tenant_id and v.model = o.model and v.reasoning_id = o.reasoning_id`
