import type { Pool } from 'pg'

export type FeedHorizonRepository = ReturnType<typeof createFeedHorizonRepository>

/** What has a transaction id, in whichever database of the cluster. What isn't known, or can't be, is null. */
export interface RunningTransaction {
  xid: string
  ageMs: number | null
  /** Prepared ones have none, but a `gid`. */
  pid: number | null
  gid: string | null
  application: string | null
  user: string | null
  database: string | null
  state: string | null
  query: string | null
}

export interface Horizon {
  /** The id of the oldest one: nobody reads what is written after it has come. Null: there is none. */
  oldest: string | null
  transactions: RunningTransaction[]
}

const answerMs = 2_000

export function createFeedHorizonRepository(pool: Pool) {
  return {
    async look(): Promise<Horizon> {
      const { rows } = await pool.query(look)
      return rows[0]
    },
  }
}

/**
 * Of the sessions of other roles, only a member of `pg_read_all_stats` is told the age, state and query; everybody is
 * told the id. Vacuums are among them too: they have ids that nobody waits for. A snapshot alone doesn't tell of one
 * after which nothing has been written yet.
 */
const look = {
  query_timeout: answerMs,
  text: `
  with running as materialized (
    select backend_xid as xid, pid, null as gid, application_name as application, usename as "user",
      datname as database, state, nullif(left(query, 200), '<insufficient privilege>') as query,
      extract(epoch from clock_timestamp() - xact_start) * 1000 as "ageMs"
    from pg_stat_activity where backend_xid is not null
    union all
    select transaction, null, gid, null, owner, database, 'prepared', null,
      extract(epoch from clock_timestamp() - prepared) * 1000
    from pg_prepared_xacts)
  select (select coalesce(json_agg(running), '[]') from running) as transactions,
    case when xmin < pg_snapshot_xmax(now) or xmin::xid in (select xid from running) then xmin::xid::text end as oldest
  from pg_current_snapshot() as now, pg_snapshot_xmin(now) as xmin`,
}
