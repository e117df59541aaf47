import type { Pool } from 'pg'
import { inTransaction } from '../infra/transaction.ts'
import {
  type PlaygroundRun,
  type RunError,
  type RunRequest,
  type RunResult,
  type RunStatus,
  workerLost,
} from './run.ts'

export type RunRepository = ReturnType<typeof createRunRepository>

export interface NewRun {
  id: string
  sessionId: string
  request: RunRequest
  createdAt: Date
}

export interface RunKey {
  tenantId: string
  runId: string
}

export interface ClaimedRun extends PlaygroundRun {
  /** The trace that its session was opened from; null: none. */
  openedFrom: string | null
}

export interface RunEnd {
  status: RunStatus
  result: RunResult
  traceId: string | null
  now: Date
}

export interface RunList {
  /** The id before which the page begins. */
  before: string | null
  limit: number
}

export function createRunRepository(pool: Pool) {
  return {
    async insertRun(tenantId: string, { id, sessionId, request, createdAt }: NewRun): Promise<PlaygroundRun> {
      const { rows } = await pool.query(insertRun, [tenantId, id, sessionId, JSON.stringify(request), createdAt])
      return rows[0]
    },

    async findRuns(tenantId: string, ids: readonly string[]): Promise<PlaygroundRun[]> {
      const { rows } = await pool.query(`${selectRuns} and id = any($2)`, [tenantId, ids])
      return rows
    },

    /** Newest first. */
    async listRuns(tenantId: string, sessionId: string, { before, limit }: RunList): Promise<PlaygroundRun[]> {
      const where = 'and session_id = $2 and ($3::text is null or id < $3) order by id desc limit $4'
      const { rows } = await pool.query(`${selectRuns} ${where}`, [tenantId, sessionId, before, limit])
      return rows
    },

    async countRuns(tenantId: string, sessionId: string): Promise<number> {
      const { rows } = await pool.query(countRuns, [tenantId, sessionId])
      return rows[0].count
    },

    /** Those that are under way. */
    async listOpenRunIds(tenantId: string, sessionId: string): Promise<string[]> {
      const { rows } = await pool.query(listOpenRunIds, [tenantId, sessionId])
      return rows.map(({ id }) => id)
    },

    /** Of the runs of a session, those that succeeded with this content, whichever model answered. */
    async listRunIds(tenantId: string, sessionId: string, textEtag: string): Promise<string[]> {
      const { rows } = await pool.query(listRunIds, [tenantId, sessionId, textEtag])
      return rows.map(({ id }) => id)
    },

    /** Who gets it makes the call: nobody else ever does. Null: it is not waiting, or so many run already. */
    async claimRun({ tenantId, runId }: RunKey, most: number, now: Date): Promise<ClaimedRun | null> {
      return inTransaction(pool, async (client) => {
        // One at a time of a tenant, or two would see the same room.
        await client.query('select from tenants where id = $1 for no key update', [tenantId])
        const { rows } = await client.query(claimRun, [tenantId, runId, most, now])
        return rows[0] ?? null
      })
    },

    /** The ones that have waited the longest, where there is room for them. */
    async listWaiting(tenantId: string, most: number): Promise<string[]> {
      const { rows } = await pool.query(listWaiting, [tenantId, most])
      return rows.map(({ id }) => id)
    },

    /** A piece of what it says; false where it has ended by now. */
    async appendText({ tenantId, runId }: RunKey, offset: number, text: string, now: Date): Promise<boolean> {
      const { rowCount } = await pool.query(appendText, [tenantId, runId, offset, text, now])
      return rowCount === 1
    },

    /** What it has said behind an offset at which a piece begins or ended. Null: it is gone. */
    async findText(
      tenantId: string,
      runId: string,
      offset: number,
    ): Promise<{ status: RunStatus; text: string } | null> {
      const { rows } = await pool.query({ name: 'find-run-text', text: findText, values: [tenantId, runId, offset] })
      if (!rows[0]) return null
      const { status, text, pieces } = rows[0]
      return { status, text: text === null ? (pieces ?? '') : text.slice(offset) }
    },

    /** Says that its worker is alive, and hears whether it is to be canceled. */
    async beat({ tenantId, runId }: RunKey, now: Date): Promise<{ isCanceled: boolean }> {
      const { rows } = await pool.query(beat, [tenantId, runId, now])
      return { isCanceled: rows.length === 0 || rows[0].isCanceled }
    },

    /** One that waits ends at once; one that runs is ended by its worker. */
    async askToCancel(tenantId: string, runId: string, now: Date): Promise<void> {
      await pool.query(askToCancel, [tenantId, runId, now])
    },

    /** False: somebody else has ended it. One that was taken for lost is what its worker says after all. */
    async finishRun({ tenantId, runId }: RunKey, { status, result, traceId, now }: RunEnd): Promise<boolean> {
      const { text, output, toolCalls, warnings, error } = result
      const jsons = [output, toolCalls, error].map((value) => (value === null ? null : JSON.stringify(value)))
      const { inputTokens, outputTokens, totalTokens, cachedInputTokens, reasoningTokens } = result
      const tokens = [inputTokens, outputTokens, totalTokens, cachedInputTokens, reasoningTokens]
      const { cost, durationMs, timeToFirstTokenMs } = result
      const values = [status, text, ...jsons, ...tokens, cost, durationMs, timeToFirstTokenMs, traceId, now, warnings]
      const { rowCount } = await pool.query(finishRun, [tenantId, runId, ...values])
      return rowCount === 1
    },

    /** Runs whose worker is gone end with what they had said. */
    async finishLost(before: Date, error: RunError, now: Date): Promise<RunKey[]> {
      const { rows } = await pool.query(finishLost, [before, JSON.stringify(error), now])
      return rows
    },

    /** Of one whose worker could not record it. */
    async storeTrace({ tenantId, runId }: RunKey, traceId: string): Promise<void> {
      await pool.query('update playground_runs set trace_id = $3 where tenant_id = $1 and id = $2', [
        tenantId,
        runId,
        traceId,
      ])
    },

    /** Of each tenant the first that wait since before then: their place in the queue may be lost. */
    async listForgotten(before: Date, limit: number): Promise<RunKey[]> {
      const { rows } = await pool.query(listForgotten, [before, limit])
      return rows
    },
  }
}

const columns = `
  id, session_id as "sessionId", status, request, output, tool_calls as "toolCalls", input_tokens as "inputTokens",
  output_tokens as "outputTokens", total_tokens as "totalTokens", cached_input_tokens as "cachedInputTokens",
  reasoning_tokens as "reasoningTokens", trim_scale(cost)::text as cost, duration_ms as "durationMs",
  time_to_first_token_ms as "timeToFirstTokenMs", warnings, error, trace_id as "traceId", created_at as "createdAt",
  started_at as "startedAt", finished_at as "finishedAt"`

const selectRuns = `
  select ${columns}, coalesce(text, (
    select string_agg(t.text, '' order by "offset") from playground_run_texts t
    where t.tenant_id = r.tenant_id and t.run_id = r.id), '') as text
  from playground_runs r where tenant_id = $1`

const countRuns = 'select count(*)::float8 from playground_runs where tenant_id = $1 and session_id = $2'

const listOpenRunIds = `
  select id from playground_runs where tenant_id = $1 and session_id = $2 and status = 'RUNNING'`

/** Of the last hundred that succeeded: what they were asked is large. */
const listRunIds = `
  select id from (
    select id, request from playground_runs
    where tenant_id = $1 and session_id = $2 and status = 'SUCCEEDED' order by id desc limit 100) last
  where request->>'textEtag' = $3 order by id`

const insertRun = `
  insert into playground_runs (tenant_id, id, session_id, status, request, created_at)
  values ($1, $2, $3, 'QUEUED', $4, $5) returning ${columns}, '' as text`

const claimRun = `
  update playground_runs set status = 'RUNNING', started_at = $4, beat_at = $4
  where tenant_id = $1 and id = $2 and status = 'QUEUED'
    and (select count(*) from playground_runs where tenant_id = $1 and status = 'RUNNING') < $3
  returning ${columns}, '' as text, (
    select s.trace_id from playground_sessions s where s.tenant_id = $1 and s.id = session_id) as "openedFrom"`

const listWaiting = `
  select id from playground_runs where tenant_id = $1 and status = 'QUEUED' order by created_at
  limit greatest(0, $2 - (select count(*) from playground_runs where tenant_id = $1 and status = 'RUNNING'))`

const appendText = `
  with run as (
    update playground_runs set beat_at = $5 where tenant_id = $1 and id = $2 and status = 'RUNNING' returning id)
  insert into playground_run_texts (tenant_id, run_id, "offset", text) select $1, run.id, $3, $4 from run
  on conflict do nothing`

const findText = `
  select status, text, (
    select string_agg(t.text, '' order by "offset") from playground_run_texts t
    where tenant_id = $1 and run_id = $2 and "offset" >= $3) as pieces
  from playground_runs where tenant_id = $1 and id = $2`

const beat = `
  update playground_runs set beat_at = $3 where tenant_id = $1 and id = $2 and status = 'RUNNING'
  returning cancel_asked_at is not null as "isCanceled"`

const askToCancel = `
  update playground_runs set cancel_asked_at = coalesce(cancel_asked_at, $3),
    status = case status when 'QUEUED' then 'CANCELED' else status end,
    text = case status when 'QUEUED' then '' else text end,
    finished_at = case status when 'QUEUED' then $3::timestamptz else finished_at end
  where tenant_id = $1 and id = $2 and status in ('QUEUED', 'RUNNING')`

const finishRun = `
  with run as (
    update playground_runs set status = $3, text = $4, output = $5, tool_calls = $6, error = $7, input_tokens = $8,
      output_tokens = $9, total_tokens = $10, cached_input_tokens = $11, reasoning_tokens = $12, cost = $13,
      duration_ms = $14, time_to_first_token_ms = $15, trace_id = $16, finished_at = $17, warnings = $18
    where tenant_id = $1 and id = $2 and (status = 'RUNNING' or error->>'code' = '${workerLost.code}') returning id),
  gathered as (delete from playground_run_texts t using run where tenant_id = $1 and run_id = run.id)
  select id from run`

const finishLost = `
  with lost as (
    select tenant_id, id from playground_runs where status = 'RUNNING' and beat_at < $1
    order by tenant_id, id for no key update skip locked),
  said as (
    select t.tenant_id, t.run_id as id, string_agg(t.text, '' order by "offset") as text
    from playground_run_texts t join lost on lost.tenant_id = t.tenant_id and lost.id = t.run_id group by 1, 2),
  ended as (
    update playground_runs r set status = 'FAILED', error = $2, finished_at = $3, text = coalesce(said.text, ''),
      duration_ms = extract(epoch from $3::timestamptz - r.started_at) * 1000
    from lost left join said using (tenant_id, id) where r.tenant_id = lost.tenant_id and r.id = lost.id),
  gathered as (
    delete from playground_run_texts t using lost where t.tenant_id = lost.tenant_id and t.run_id = lost.id)
  select tenant_id as "tenantId", id as "runId" from lost`

const listForgotten = `
  select tenant_id as "tenantId", id as "runId" from (
    select *, row_number() over (partition by tenant_id order by created_at) as place
    from playground_runs where status = 'QUEUED' and created_at < $1) as waiting
  where place <= $2`
