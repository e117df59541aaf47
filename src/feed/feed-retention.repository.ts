import type { Pool, PoolClient } from 'pg'
import { inTransaction } from '../infra/transaction.ts'

export type FeedRetentionRepository = ReturnType<typeof createFeedRetentionRepository>

export interface KeptFeed {
  tenantId: string
  /** Its first event is older than asked for. */
  isOld: boolean
  /** It has events, or a floor, of transactions that this cluster has not begun yet. */
  hasFuture: boolean
}

/** What was removed at once: so many events, and a floor or none. */
export interface RemovedFuture {
  rows: number
  floors: number
}

/**
 * The feed waits for every transaction that writes, for these too: 5,000 rows take 7 ms where they lie together. Where
 * two processes are at one tenant, the later one leaves it to the other.
 */
export function createFeedRetentionRepository(pool: Pool) {
  function inTurn<Result>(tenantId: string, none: Result, work: (client: PoolClient) => Promise<Result>) {
    return inTransaction(
      pool,
      async (client) => {
        // A statement of its own: the next one sees what the former holder has committed.
        const { rows } = await client.query(takeTurn, [tenantId])
        return rows[0].isOurs ? work(client) : none
      },
      begin,
    )
  }

  return {
    /** Tenants in pages by id, whether there is anything to remove or not: two probes of the index for each. */
    async listFeeds(afterId: string, before: Date, limit: number): Promise<KeptFeed[]> {
      return (await pool.query(listFeeds, [afterId, before, limit])).rows
    },

    /**
     * Of what everybody may read, the first rows that are all older, and says how many they were. Up to there the feed
     * is known to have lost something.
     */
    removeBefore(tenantId: string, before: Date, limit: number): Promise<number> {
      return inTurn(tenantId, 0, async (client) => {
        return (await client.query(removeBefore, [tenantId, before, limit])).rows[0].rows
      })
    },

    /** What a dump of another cluster has brought: nobody may read it until this one has begun as many transactions. */
    removeFuture(tenantId: string, limit: number): Promise<RemovedFuture> {
      return inTurn(tenantId, { rows: 0, floors: 0 }, async (client) => {
        return (await client.query(removeFuture, [tenantId, limit])).rows[0]
      })
    },
  }
}

/**
 * A crash may take a batch back: then it is removed again. With statistics that are behind, the planner takes a tenant's
 * feed to be short, reads all of it and sorts: 280 ms for each batch of 600,000 rows.
 */
const begin =
  'begin; set local synchronous_commit = off; set local enable_bitmapscan = off; set local enable_seqscan = off'

const takeTurn = `select pg_try_advisory_xact_lock(hashtext('tracemend.feed.trim'), hashtext($1)) as "isOurs"`

/** Once a statement, not once a row. */
const settled = '(select pg_snapshot_xmin(pg_current_snapshot()))'
const future = '(select pg_snapshot_xmax(pg_current_snapshot()))'

/** From the floor on: what is removed lies in the index, before the first that is left, until a vacuum comes. */
const listFeeds = `
  select t.id as "tenantId",
    coalesce((
      select at from feed
      where tenant_id = t.id and (place, id) > (coalesce(l.place, '0'), coalesce(l.id, 0)) and place < ${settled}
      order by place, id limit 1) < $2, false) as "isOld",
    coalesce(greatest(l.place, (
      select place from feed where tenant_id = t.id order by place desc, id desc limit 1)) >= ${future}, false)
      as "hasFuture"
  from (select id from tenants where id > $1 order by id limit $3) as t left join feed_floors l on l.tenant_id = t.id
  order by t.id`

/** The count of younger ones ends the reading at the first of them (from PostgreSQL 15 on). */
const removeBefore = `
  with floor as (
    select coalesce(max(place), '0') as place, coalesce(max(id), 0) as id from feed_floors where tenant_id = $1),
  last as (
    select place, id from (
      select place, id, count(case when at >= $2 then 1 end) over (order by place, id rows unbounded preceding) as young
      from (
        select place, id, at from feed
        where tenant_id = $1 and (place, id) > ((select place from floor), (select id from floor))
          and place < ${settled}
        order by place, id limit $3) as first) as counted
    where young = 0 order by place desc, id desc limit 1),
  removed as (
    delete from feed
    where tenant_id = $1 and (place, id) > ((select place from floor), (select id from floor))
      and (place, id) <= ((select place from last), (select id from last))
    returning 1),
  raised as (
    insert into feed_floors as f (tenant_id, place, id) select $1, place, id from last
    on conflict (tenant_id) do update set place = excluded.place, id = excluded.id
    where (f.place, f.id) < (excluded.place, excluded.id))
  select count(*)::int as rows from removed`

const removeFuture = `
  with last as (
    select place, id from (
      select place, id from feed where tenant_id = $1 and place >= ${future} order by place, id limit $2) as first
    order by place desc, id desc limit 1),
  removed as (
    delete from feed
    where tenant_id = $1 and place >= ${future} and (place, id) <= ((select place from last), (select id from last))
    returning 1),
  lowered as (delete from feed_floors where tenant_id = $1 and place >= ${future} returning 1)
  select (select count(*)::int from removed) as rows, (select count(*)::int from lowered) as floors`
