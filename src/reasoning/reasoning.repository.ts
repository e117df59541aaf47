import type { Pool } from 'pg'
import type { ReasoningContent, ReasoningTrace } from './reasoning.ts'
import { andMatches } from './reasoning-filter.repository.ts'
import type { ReasoningFilter } from './reasoning-filter.ts'

export type ReasoningRepository = ReturnType<typeof createReasoningRepository>

/** The sequence before which a page begins, and how long it is. */
export interface ReasoningPage {
  before: number | null
  limit: number
}

/** Records of something: what came of another record, or what led to a trace. */
export type Owner = 'parentId' | 'traceId'

/** Records as they are read, without what is wide; `reasoning-append.repository.ts` writes them. */
export function createReasoningRepository(pool: Pool) {
  return {
    async findRecords(tenantId: string, ids: readonly string[]): Promise<ReasoningTrace[]> {
      const { rows } = await pool.query({ name: 'find-reasoning', text: findRecords, values: [tenantId, ids] })
      return rows
    },

    async findContents(tenantId: string, ids: readonly string[]): Promise<(ReasoningContent & { id: string })[]> {
      const { rows } = await pool.query({ name: 'find-reasoning-content', text: findContents, values: [tenantId, ids] })
      return rows
    },

    /** How many characters their contents have, without reading them. */
    async sumSizes(tenantId: string, ids: readonly string[]): Promise<number> {
      const { rows } = await pool.query({ name: 'sum-reasoning-sizes', text: sumSizes, values: [tenantId, ids] })
      return rows[0].size
    },

    /** Newest first. */
    async listRecords(
      tenantId: string,
      filter: ReasoningFilter,
      { before, limit }: ReasoningPage,
    ): Promise<ReasoningTrace[]> {
      const values: unknown[] = [tenantId, before, limit]
      const { rows } = await pool.query(
        `select ${wholeColumns} from reasoning_traces r
         where r.tenant_id = $1 and ($2::int is null or r.sequence < $2) ${andMatches(filter, values)}
         order by r.sequence desc limit $3`,
        values,
      )
      return rows
    },

    async countRecords(tenantId: string, filter: ReasoningFilter): Promise<number> {
      const values: unknown[] = [tenantId]
      const { rows } = await pool.query(
        `select count(*)::float8 from reasoning_traces r where r.tenant_id = $1 ${andMatches(filter, values)}`,
        values,
      )
      return rows[0].count
    },

    /** A page of each of them, the newest first. */
    async listOwned(
      tenantId: string,
      { owner, ids }: { owner: Owner; ids: readonly string[] },
      { before, limit }: ReasoningPage,
    ): Promise<ReasoningTrace[]> {
      const { rows } = await pool.query({
        name: `list-reasoning-of-${owner}`,
        text: listOwned(owner),
        values: [tenantId, ids, before, limit],
      })
      return rows
    },

    async countOwned(tenantId: string, { owner, id }: { owner: Owner; id: string }): Promise<number> {
      const { rows } = await pool.query(countOwned(owner), [tenantId, id])
      return rows[0].count
    },

    /** All of the chain that it is in, and the id of its root; up to so many. Nothing: there is no such record. */
    async findChain(
      tenantId: string,
      id: string,
      limit: number,
    ): Promise<{ rootId: string | null; records: ReasoningTrace[] }> {
      const { rows } = await pool.query({ name: 'find-chain', text: findChain, values: [tenantId, id, limit] })
      return { rootId: rows[0]?.rootId ?? null, records: rows }
    },
  }
}

/** Of `reasoning_traces r`. Lists as JSON: those of PostgreSQL are taken apart one character after another. */
export const reasoningColumns = `
  r.id, r.sequence, r.decision_type as "decisionType", r.confidence, r.agent, r.session_id as "sessionId",
  to_json(r.tags) as tags, r.parent_id as "parentId", r.trace_id as "traceId", r.span_id as "spanId",
  r.created_at as "createdAt"`

export const contentColumns = `
  r.summary, r.output_ref as "outputRef", to_json(r.observations) as observations, r.hypothesis, r.conclusion,
  r.alternatives, to_json(r.files_read) as "filesRead", to_json(r.key_facts) as "keyFacts"`

/** Of so many characters it comes along; more is read where it is asked for. */
const comesAlong = 8_000

/** Also what it says, where that is short, so that it is neither read once more nor gone by then. */
const wholeColumns = `${reasoningColumns},
  case when r.size <= ${comesAlong} then json_build_object(
    'summary', r.summary, 'outputRef', r.output_ref, 'observations', r.observations, 'hypothesis', r.hypothesis,
    'conclusion', r.conclusion, 'alternatives', r.alternatives, 'filesRead', r.files_read, 'keyFacts', r.key_facts
  ) end as content`

/** One look into the index for each id, whatever the planner believes of the table. */
const byId = (columns: string) => `
  select r.* from unnest($2::text[]) as given(id) cross join lateral (
    select ${columns} from reasoning_traces r where r.tenant_id = $1 and r.id = given.id offset 0) r`

const findRecords = byId(wholeColumns)

const findContents = byId(`r.id, ${contentColumns}`)

const sumSizes = `select coalesce(sum(size), 0)::float8 as size from (${byId('r.size')}) sizes`

const ownerColumns = { parentId: 'parent_id', traceId: 'trace_id' } satisfies Record<Owner, string>

const listOwned = (owner: Owner) => `
  select r.* from unnest($2::text[]) as o(id) cross join lateral (
    select ${wholeColumns} from reasoning_traces r
    where r.tenant_id = $1 and r.${ownerColumns[owner]} = o.id and ($3::int is null or r.sequence < $3)
    order by r.sequence desc limit $4) r`

const countOwned = (owner: Owner) => `
  select count(*)::float8 from reasoning_traces where tenant_id = $1 and ${ownerColumns[owner]} = $2`

/**
 * Up to where there is no parent, or none any more, and down again. Rows hold nothing of the way they came: a path would
 * be as long as the chain is deep, for each of them. `union` drops what was seen, so that even a circle, which nobody can
 * make here, would end. Each step looks its rows up by an index, whatever the planner believes of how many there are; and
 * `not in` is hashed: by an anti-join, it would compare 10,000 rows with each other.
 */
const findChain = `
  with recursive up as (
    select r.id, r.parent_id from reasoning_traces r where r.tenant_id = $1 and r.id = $2
    union
    select p.id, p.parent_id from up cross join lateral (
      select r.id, r.parent_id from reasoning_traces r where r.tenant_id = $1 and r.id = up.parent_id offset 0) p),
  root as (
    select id from up where parent_id is null or parent_id not in (select id from up) limit 1),
  down as (
    select id from root
    union
    select c.id from down cross join lateral (
      select r.id from reasoning_traces r where r.tenant_id = $1 and r.parent_id = down.id offset 0) c)
  select (select id from root) as "rootId", r.*
  from (select id from down limit $3) d cross join lateral (
    select ${reasoningColumns} from reasoning_traces r where r.tenant_id = $1 and r.id = d.id offset 0) r`
