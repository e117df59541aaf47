import type { Pool, PoolClient } from 'pg'
import { inTransaction } from '../infra/transaction.ts'
import type { PlaygroundSession } from './session.ts'

export type SessionRepository = ReturnType<typeof createSessionRepository>

export interface SessionList {
  /** Null: any. */
  traceId: string | null
  promptId: string | null
  /** The id before which the page begins. */
  before: string | null
  limit: number
}

/** What an edit may change. */
export type SessionChange = Partial<Pick<PlaygroundSession, 'content' | 'variables' | 'recordedIds'>>

export function createSessionRepository(pool: Pool) {
  return {
    /** False: the trace that it was opened from has just been deleted. */
    async insertSession(tenantId: string, session: PlaygroundSession): Promise<boolean> {
      const { id, traceId, spanId, promptId, origin, draftRevision, base, content } = session
      const { variables, recordedIds, createdAt } = session
      const values = [tenantId, id, traceId, spanId, promptId, origin, draftRevision]
      const texts = [base, content, variables].map((value) => JSON.stringify(value))
      const { rowCount } = await pool.query(insertSession, [...values, ...texts, recordedIds, createdAt])
      return rowCount === 1
    },

    async findSessions(tenantId: string, ids: readonly string[]): Promise<PlaygroundSession[]> {
      const { rows } = await pool.query(`${selectSessions} and id = any($2)`, [tenantId, ids])
      return rows
    },

    /** Newest first. */
    async listSessions(tenantId: string, list: SessionList): Promise<PlaygroundSession[]> {
      const { traceId, promptId, before, limit } = list
      const where = `${ofOrigin} and ($4::text is null or id < $4) order by id desc limit $5`
      const { rows } = await pool.query(`${selectSessions} ${where}`, [tenantId, traceId, promptId, before, limit])
      return rows
    },

    async countSessions(tenantId: string, { traceId, promptId }: SessionList): Promise<number> {
      const { rows } = await pool.query(countSessions, [tenantId, traceId, promptId])
      return rows[0].count
    },

    /** One edit after another: each sees what the one before has made. Null: there is no such session. */
    async editSession(
      tenantId: string,
      id: string,
      edit: (session: PlaygroundSession) => SessionChange,
    ): Promise<PlaygroundSession | null> {
      return inTransaction(pool, async (client) => {
        const session = await lockSession(client, tenantId, id)
        if (!session) return null
        const change = edit(session)
        const revision = session.revision + 1
        const edited = { ...session, ...change, revision, updatedAt: new Date() }
        const { content, variables, recordedIds, updatedAt } = edited
        const texts = [content, variables].map((value) => JSON.stringify(value))
        await client.query(updateSession, [tenantId, id, ...texts, recordedIds, revision, updatedAt])
        return edited
      })
    },

    /** Where it was saved to. */
    async storeSaved(tenantId: string, id: string, promptId: string, draftRevision: number): Promise<void> {
      await pool.query(storeSaved, [tenantId, id, promptId, draftRevision])
    },

    /** Those that nobody has touched since. With their runs. */
    async removeSessionsBefore(tenantId: string, before: Date, limit: number): Promise<number> {
      const { rowCount } = await pool.query(removeSessionsBefore, [tenantId, before, limit])
      return rowCount ?? 0
    },

    /** Of the sessions that were opened from these traces, all runs: each is recorded as a trace of its own id. */
    async listRunIdsOf(tenantId: string, traceIds: readonly string[]): Promise<string[]> {
      const { rows } = await pool.query(listRunIdsOf, [tenantId, traceIds])
      return rows.map(({ id }) => id)
    },

    /** Those that were opened from these traces. Gives the runs of them that were under way. */
    async removeSessionsOf(tenantId: string, traceIds: readonly string[]): Promise<string[]> {
      const { rows } = await pool.query(removeSessionsOf, [tenantId, traceIds])
      return rows.map(({ id }) => id)
    },

    async removeSession(tenantId: string, id: string): Promise<boolean> {
      const { rowCount } = await pool.query(removeSession, [tenantId, id])
      return rowCount === 1
    },
  }
}

async function lockSession(client: PoolClient, tenantId: string, id: string): Promise<PlaygroundSession | null> {
  const { rows } = await client.query(`${selectSessions} and id = $2 for no key update`, [tenantId, id])
  return rows[0] ?? null
}

const selectSessions = `
  select id, trace_id as "traceId", span_id as "spanId", prompt_id as "promptId", origin,
         draft_revision as "draftRevision", base, content, variables, recorded_ids as "recordedIds", revision,
         created_at as "createdAt", updated_at as "updatedAt"
  from playground_sessions where tenant_id = $1`

const ofOrigin = 'and ($2::text is null or trace_id = $2) and ($3::text is null or prompt_id = $3)'

const countSessions = `select count(*)::float8 from playground_sessions where tenant_id = $1 ${ofOrigin}`

/** Whoever deletes the trace waits for it, and finds it. */
const insertSession = `
  with origin as (select id from traces where tenant_id = $1 and id = $3 for key share)
  insert into playground_sessions (tenant_id, id, trace_id, span_id, prompt_id, origin, draft_revision, base, content,
    variables, recorded_ids, revision, created_at, updated_at)
  select $1, $2, $3::text, $4, $5, $6, $7::int, $8::json, $9::json, $10::json, $11::text[], 1, $12::timestamptz, $12::timestamptz
  where $3::text is null or exists (select from origin)`

const updateSession = `
  update playground_sessions set content = $3, variables = $4, recorded_ids = $5, revision = $6, updated_at = $7
  where tenant_id = $1 and id = $2`

const storeSaved = `
  update playground_sessions set prompt_id = $3, draft_revision = $4 where tenant_id = $1 and id = $2`

const removeSessionsBefore = `
  delete from playground_sessions where tenant_id = $1 and id in (
    select s.id from playground_sessions s
    where s.tenant_id = $1 and s.updated_at < $2 and not exists (
      select from playground_runs r where r.tenant_id = $1 and r.session_id = s.id and r.created_at >= $2)
    limit $3)`

const listRunIdsOf = `
  select r.id from playground_sessions s join playground_runs r on r.tenant_id = $1 and r.session_id = s.id
  where s.tenant_id = $1 and s.trace_id = any($2)`

/** The runs as they were before: they go with their sessions. */
const removeSessionsOf = `
  with removed as (
    delete from playground_sessions where tenant_id = $1 and trace_id = any($2) returning id)
  select r.id from playground_runs r join removed on r.session_id = removed.id
  where r.tenant_id = $1 and r.finished_at is null`

const removeSession = 'delete from playground_sessions where tenant_id = $1 and id = $2'
