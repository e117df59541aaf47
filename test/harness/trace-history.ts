import type { Pool } from 'pg'
import { imageOf } from '../../src/traces/trace-image.repository.ts'

/** What one transaction has done to one trace: by the table itself, in the order in which it was done. */
interface Change {
  xid: string
  done: 'INSERT' | 'UPDATE' | 'DELETE'
  before: string | null
  after: string | null
  was: number | null
  is: number | null
}

export interface HistoryEvent {
  xid: string
  kind: number
  before: unknown
}

/** Writes it down, under the lock of the row, and lets rows be inserted so slowly that others come in between. */
export async function recordHistory(pool: Pool, slowestMs: number): Promise<void> {
  await pool.query(`
    create table trace_history (
      seq bigint generated always as identity, tenant_id text, trace_id text, xid text, done text, before text,
      after text, was int, "is" int);
    create function record_trace() returns trigger language plpgsql as $$ begin
      insert into trace_history (tenant_id, trace_id, xid, done, before, after, was, "is") values (
        coalesce(new.tenant_id, old.tenant_id), coalesce(new.id, old.id), pg_current_xact_id()::text, tg_op,
        case when tg_op <> 'INSERT' then ${imageOf('old')} end, case when tg_op <> 'DELETE' then ${imageOf('new')} end,
        old.status, new.status);
      return null;
    end $$;
    create function dawdle() returns trigger language plpgsql as $$ begin
      perform pg_sleep(random() * ${slowestMs / 1_000}); return new;
    end $$;
    create trigger record_trace after insert or update or delete on traces for each row execute function record_trace();
    create trigger dawdle before insert on traces for each row execute function dawdle()`)
}

/** What the feed must say of a trace: worked out from what was done to it. */
export async function expectedEvents(pool: Pool, tenantId: string, traceId: string): Promise<HistoryEvent[]> {
  const { rows } = await pool.query<Change>(
    `select xid, done, before, after, was, "is" from trace_history where tenant_id = $1 and trace_id = $2 order by seq`,
    [tenantId, traceId],
  )
  return rows.flatMap(({ xid, done, before, after, was, is }) => {
    const image = before !== null && before !== after ? JSON.parse(before) : null
    if (done === 'DELETE') return [{ xid, kind: 3, before: image }]
    const hasFinished = is !== 0 && (was ?? 0) === 0
    return [done === 'INSERT' ? 0 : 1, ...(hasFinished ? [2] : [])].map((kind) => ({ xid, kind, before: image }))
  })
}

/** What it says. */
export async function toldEvents(pool: Pool, tenantId: string, traceId: string): Promise<HistoryEvent[]> {
  const { rows } = await pool.query(
    `select xid::text, kind, before from feed where tenant_id = $1 and trace_id = $2 order by place, id`,
    [tenantId, traceId],
  )
  return rows
}
