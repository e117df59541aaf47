import type { Pool } from 'pg'
import type { Agent, AgentPosition } from './agent.ts'

export type AgentRepository = ReturnType<typeof createAgentRepository>

export interface AgentList {
  /** Part of a name, in upper or lower case; null: all. */
  search: string | null
  after: AgentPosition | null
  limit: number
}

/** Agents as they are read; `ingest.repository.ts` makes them. */
export function createAgentRepository(pool: Pool) {
  return {
    async findAgents(tenantId: string, ids: readonly string[]): Promise<Agent[]> {
      const { rows } = await pool.query({ name: 'find-agents', text: findAgents, values: [tenantId, ids] })
      return rows
    },

    async findAgentsByName(tenantId: string, names: readonly string[]): Promise<Agent[]> {
      const { rows } = await pool.query({
        name: 'find-agents-by-name',
        text: findAgentsByName,
        values: [tenantId, names],
      })
      return rows
    },

    /** By name and then id. */
    async listAgents(tenantId: string, { search, after, limit }: AgentList): Promise<Agent[]> {
      const values = [tenantId, search, after?.name, after?.id, limit]
      const { rows } = await pool.query(listAgents, values)
      return rows
    },

    async countAgents(tenantId: string, search: string | null): Promise<number> {
      const { rows } = await pool.query(countAgents, [tenantId, search])
      return rows[0].count
    },
  }
}

const columns = 'id, name, first_seen_at as "firstSeenAt", last_seen_at as "lastSeenAt"'

const findAgents = `select ${columns} from agents where tenant_id = $1 and id = any($2)`

const findAgentsByName = `select ${columns} from agents where tenant_id = $1 and name = any($2)`

// The column's own collation compares bytes and knows the case of ASCII alone; the database's knows all letters'.
const matches = `($2::text is null or strpos(lower(name collate "default"), lower($2)) > 0)`

const listAgents = `
  select ${columns} from agents
  where tenant_id = $1 and ${matches} and ($3::text is null or (name, id) > ($3, $4::text))
  order by name, id limit $5`

const countAgents = `select count(*)::float8 from agents where tenant_id = $1 and ${matches}`
