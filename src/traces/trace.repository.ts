import type { Pool, PoolClient } from 'pg'
import { inTransaction } from '../infra/transaction.ts'
import type { Trace } from './trace.ts'
import { toTrace, traceColumns } from './trace-row.repository.ts'

export type TraceRepository = ReturnType<typeof createTraceRepository>

export interface TraceOutcome {
  success: boolean
  /** Undefined: what it is already. Null: what clients gave. */
  outcome: string | null | undefined
}

export function createTraceRepository(pool: Pool) {
  function remove(tenantId: string, ids: readonly string[], now: Date): Promise<number> {
    return inTransaction(pool, (client) => removeHeld(client, tenantId, ids, now))
  }

  return {
    async findTraces(tenantId: string, ids: readonly string[]): Promise<Trace[]> {
      const { rows } = await pool.query({ name: 'find-traces', text: findTraces, values: [tenantId, ids] })
      return rows.map(toTrace)
    },

    /** Null when the tenant has no such trace. */
    async setOutcome(
      tenantId: string,
      id: string,
      { success, outcome }: TraceOutcome,
      now: Date,
    ): Promise<Trace | null> {
      const values = [tenantId, id, success, outcome ?? null, outcome !== undefined, now]
      const { rows } = await pool.query(setOutcome, values)
      return rows[0] ? toTrace(rows[0]) : null
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
 * Held first, and removed by a statement of its own: what a batch that was under way has added to them in the meantime
 * is seen by then, and removed too.
 */
async function removeHeld(client: PoolClient, tenantId: string, ids: readonly string[], now: Date): Promise<number> {
  const held = await client.query(
    'select id from traces where tenant_id = $1 and id = any($2) order by id for update',
    [tenantId, ids],
  )
  if (held.rows.length === 0) return 0
  await client.query(removeTraces, [tenantId, held.rows.map(({ id }) => id), now])
  return held.rows.length
}

const findTraces = `select ${traceColumns} from traces t where t.tenant_id = $1 and t.id = any($2)`

// 1 UPDATED
const setOutcome = `
  with changed as (
    update traces t set set_success = $3, set_outcome = case when $5 then $4 else set_outcome end,
      updated_at = greatest(updated_at, $6::timestamptz)
    where tenant_id = $1 and id = $2 returning ${traceColumns}),
  fed as (
    insert into feed (tenant_id, kind, trace_id, span_ids, at) select $1, 1, id, '{}', $6::timestamptz from changed)
  select * from changed`

// 3 DELETED
const removeTraces = `
  with spans as (delete from spans where tenant_id = $1 and trace_id = any($2)),
  span_contents as (delete from span_contents where tenant_id = $1 and trace_id = any($2)),
  trace_contents as (delete from trace_contents where tenant_id = $1 and trace_id = any($2)),
  search_entries as (delete from search_entries where tenant_id = $1 and trace_id = any($2)),
  fed as (
    insert into feed (tenant_id, kind, trace_id, span_ids, at)
    select $1, 3, id, '{}', $3::timestamptz from unnest($2::text[]) id)
  delete from traces where tenant_id = $1 and id = any($2)`

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
