import type { Pool } from 'pg'
import { type FeedCursor, type FeedEntry, type FeedPosition, feedKinds, withoutPastStart } from './feed.ts'

export type FeedRepository = ReturnType<typeof createFeedRepository>

/** What stands next in the feed, as far as it is settled. */
export interface FeedPage {
  entries: FeedEntry[]
  /** Every transaction below has ended: all that ever stands before it is there to be read. */
  horizon: bigint
  /** No transaction so high has begun. */
  end: bigint
  /** Up to here it was removed; null: nothing of it. */
  floor: FeedPosition | null
  /** Something is committed that can't be read yet, because a transaction before it has not ended. */
  isWaiting: boolean
}

export function createFeedRepository(pool: Pool) {
  return {
    /**
     * The moment of now, as a snapshot. What it knows of transactions that did not commit, or not durably, a crash could
     * take back, and give their numbers to others: so it is a transaction itself, whose commit makes all before it last.
     */
    async findNow(): Promise<string> {
      return (await pool.query({ name: 'feed-now', text: feedNow })).rows[0].now
    },

    /** Of the last event that can be read; of a feed without any, the very beginning. */
    async findLast(tenantId: string): Promise<FeedPosition> {
      const { rows } = await pool.query({ name: 'feed-last', text: feedLast, values: [tenantId] })
      return rows[0] ? { place: BigInt(rows[0].place), id: BigInt(rows[0].id) } : { place: 0n, id: 0n }
    },

    async readPage(tenantId: string, { position, start, spans }: FeedCursor, limit: number): Promise<FeedPage> {
      // An event of which not all spans were told of is read again.
      const id = spans === null ? position.id : position.id - 1n
      const values = [tenantId, String(position.place), String(id), limit]
      const query = start
        ? { name: 'read-feed-start', text: readFromStart, values: [...values, start.snapshot, String(start.own ?? 0)] }
        : { name: 'read-feed', text: readFeed, values }
      const { rows } = await pool.query(query)
      const { entries, horizon, end, floorPlace, floorId, isWaiting } = rows[0]
      const toEntry = ([place, id, kind, traceId, spanIds, before]: StoredEntry): FeedEntry => {
        const own = { place: BigInt(place), id: BigInt(id) }
        const isTold = own.place === position.place && own.id === position.id
        const toldSpans = isTold ? (spans ?? 0) : 0
        return {
          position: own,
          start: withoutPastStart({ position: own, start, spans: null }).start,
          kind: feedKinds[kind] ?? 'UPDATED',
          traceId,
          spanIds,
          toldSpans,
          before,
        }
      }
      return {
        entries: ((entries ?? []) as StoredEntry[]).map(toEntry),
        horizon: BigInt(horizon),
        end: BigInt(end),
        floor: floorPlace === null ? null : { place: BigInt(floorPlace), id: BigInt(floorId) },
        isWaiting,
      }
    },
  }
}

const feedNow = `
  select pg_current_snapshot()::text as now from pg_logical_emit_message(true, 'tracemend', 'a moment')`

const feedLast = `
  select place::text, id::text from feed
  where tenant_id = $1 and place < (select pg_snapshot_xmin(pg_current_snapshot()))
  order by place desc, id desc limit 1`

type StoredEntry = [string, string, number, string, string[], unknown[] | null]

/**
 * One statement, so that all of it is seen at one moment; one JSON, because lists in rows are slow to take apart.
 *
 * What the planner could know is hidden from it: it would take a large tenant's feed for one of which the first row at
 * hand will do, and read the table (200 ms of 1,000,000 rows, at the head), or with old statistics for a short one, and
 * sort all of it (470 ms). So it goes along the index, in 0.1 ms at the head and 1 ms for a page.
 */
function statement(condition: string): string {
  return `
  select pg_snapshot_xmin(now)::text as horizon, pg_snapshot_xmax(now)::text as "end",
    (select place::text from feed_floors where tenant_id = $1) as "floorPlace",
    (select id::text from feed_floors where tenant_id = $1) as "floorId",
    coalesce(pg_snapshot_xmin(now) <= (
      select place from feed where tenant_id = $1 order by place desc, id desc limit 1), false) as "isWaiting",
    (select json_agg(json_build_array(place::text, id::text, kind, trace_id, span_ids, before)) from (
      select * from feed where tenant_id = $1 and (place, id) > ((select $2::xid8), (select $3::bigint))
        and place < pg_snapshot_xmin(now) ${condition}
      order by place, id limit (select $4::bigint)) page) as entries
  from pg_current_snapshot() as now`
}

const readFeed = statement('')
const readFromStart = statement('and not pg_visible_in_snapshot(xid, $5::pg_snapshot) and xid <> $6::xid8')
