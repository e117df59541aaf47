import type { Pool, PoolClient } from 'pg'
import { inTransaction, untilUnraced } from '../infra/transaction.ts'
import type { Trace } from './trace.ts'
import { imageOf } from './trace-image.repository.ts'
import { toTrace, traceColumns } from './trace-row.repository.ts'
import { findAmong } from './trace-search.repository.ts'

export type TraceRepository = ReturnType<typeof createTraceRepository>

export interface TraceOutcome {
  success: boolean
  /** Undefined: what it is already. Null: what clients gave. */
  outcome: string | null | undefined
}

export function createTraceRepository(pool: Pool) {
  function remove(tenantId: string, ids: readonly string[], now: Date): Promise<number> {
    return untilUnraced(() => inTransaction(pool, (client) => removeHeld(client, tenantId, ids, now)))
  }

  return {
    async findTraces(tenantId: string, ids: readonly string[]): Promise<Trace[]> {
      const { rows } = await pool.query({ name: 'find-traces', text: findTraces, values: [tenantId, ids] })
      return rows.map(toTrace)
    },

    /** Those of these traces that a search finds, as far as they are indexed. */
    findAmong: (tenantId: string, search: string, ids: readonly string[]) => findAmong(pool, tenantId, search, ids),

    /** Null when the tenant has no such trace. */
    async setOutcome(
      tenantId: string,
      id: string,
      { success, outcome }: TraceOutcome,
      now: Date,
    ): Promise<Trace | null> {
      const values = [tenantId, id, success, outcome ?? null, outcome !== undefined, now]
      async function set(client: PoolClient): Promise<Trace | null> {
        const held = await client.query(holdTraces, [tenantId, [id]])
        if (held.rows.length === 0) return null
        await client.query(setOutcome, values)
        const { rows } = await client.query({ name: 'find-traces', text: findTraces, values: [tenantId, [id]] })
        return toTrace(rows[0])
      }
      return untilUnraced(() => inTransaction(pool, set))
    },

    /** With everything that belongs to them. */
    removeTraces: remove,

    /** At most so many rows with those of their spans, unless one trace alone has more. */
    async removeBefore(tenantId: string, before: Date, limit: number): Promise<number> {
      const { rows } = await pool.query(findOldTraces, [tenantId, before, limit])
      if (rows.length === 0) return 0
      await remove(
        tenantId,
        rows.map(({ id }) => id),
        new Date(),
      )
      return rows.reduce((sum, { size }) => sum + size, 0)
    },
  }
}

/**
 * Held first, and changed by a statement of its own: what a batch that was under way has done to them in the meantime
 * is seen by then, and stands before it in the feed.
 */
const holdTraces = 'select id from traces where tenant_id = $1 and id = any($2) order by id for update'

async function removeHeld(client: PoolClient, tenantId: string, ids: readonly string[], now: Date): Promise<number> {
  const held = await client.query(holdTraces, [tenantId, ids])
  if (held.rows.length === 0) return 0
  await client.query(removeTraces, [tenantId, held.rows.map(({ id }) => id), now])
  return held.rows.length
}

const findTraces = `select ${traceColumns} from traces t where t.tenant_id = $1 and t.id = any($2)`

// 1 UPDATED. What is set once more as it is changes nothing.
const setOutcome = `
  with former as (
    select t.set_success, t.set_outcome, ${imageOf('t')} as image from traces t where tenant_id = $1 and id = $2),
  wanted as (select $3::boolean as success, case when $5 then $4 else set_outcome end as outcome from former),
  changed as (
    update traces t set set_success = w.success, set_outcome = w.outcome,
      updated_at = greatest(updated_at, $6::timestamptz)
    from former f, wanted w
    where tenant_id = $1 and id = $2 and (f.set_success, f.set_outcome) is distinct from (w.success, w.outcome)
    returning ${imageOf('t')} as image)
  insert into feed (tenant_id, kind, trace_id, span_ids, before, at)
  select $1, 1, $2, '{}', case when f.image is distinct from c.image then f.image::json end, $6::timestamptz
  from changed c, former f`

// 3 DELETED
const removeTraces = `
  with removed_spans as (delete from spans where tenant_id = $1 and trace_id = any($2) returning trace_id, id),
  span_contents as (delete from span_contents where tenant_id = $1 and trace_id = any($2)),
  trace_contents as (delete from trace_contents where tenant_id = $1 and trace_id = any($2)),
  search_entries as (delete from search_entries where tenant_id = $1 and trace_id = any($2)),
  removed as (delete from traces t where tenant_id = $1 and id = any($2) returning id, ${imageOf('t')} as image),
  gone as (select trace_id, array_agg(id order by id) as ids from removed_spans group by trace_id)
  insert into feed (tenant_id, kind, trace_id, span_ids, before, at)
  select $1, 3, id, coalesce(ids, '{}'), image::json, $3::timestamptz
  from removed left join gone on trace_id = id order by id`

/** By when they happened; those that are dated ahead of their arrival by when they came. */
const findOldTraces = `
  select id, size from (
    select id, span_count + 1 as size, sum(span_count + 1) over (order by started_at, id) as total
    from (
      (select id, span_count, started_at from traces where tenant_id = $1 and started_at < $2
       order by started_at, id limit $3)
      union
      (select id, span_count, started_at from traces
       where tenant_id = $1 and given_started_at > created_at and created_at < $2 limit $3)) as old) as summed
  where total - size < $3`
