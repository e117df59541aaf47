import type { Pool } from 'pg'
import { inTransaction } from '../infra/transaction.ts'
import type { Prompt } from './prompt.ts'
import type { PromptContent } from './prompt-content.ts'

export type PromptRepository = ReturnType<typeof createPromptRepository>

export interface PromptList {
  /** Part of a name, in upper or lower case; null: all. */
  search: string | null
  /** The name behind which the page begins. */
  after: string | null
  limit: number
}

export interface NewPrompt extends Prompt {
  content: PromptContent
  etag: string
}

export function createPromptRepository(pool: Pool) {
  return {
    async findPrompts(tenantId: string, ids: readonly string[]): Promise<Prompt[]> {
      const { rows } = await pool.query({ name: 'find-prompts', text: findPrompts, values: [tenantId, ids] })
      return rows
    },

    async findPromptsByName(tenantId: string, names: readonly string[]): Promise<Prompt[]> {
      const values = [tenantId, names]
      const { rows } = await pool.query({ name: 'find-prompts-by-name', text: findPromptsByName, values })
      return rows
    },

    async listPrompts(tenantId: string, { search, after, limit }: PromptList): Promise<Prompt[]> {
      const { rows } = await pool.query(listPrompts, [tenantId, search, after, limit])
      return rows
    },

    async countPrompts(tenantId: string, search: string | null): Promise<number> {
      const { rows } = await pool.query(countPrompts, [tenantId, search])
      return rows[0].count
    },

    /** With its draft, at revision 1. False: the name is taken. */
    async insertPrompt(tenantId: string, prompt: NewPrompt): Promise<boolean> {
      const { id, name, description, content, etag, createdAt } = prompt
      const values = [tenantId, id, name, description, etag, JSON.stringify(content), createdAt]
      const { rowCount } = await pool.query(insertPrompt, values)
      return rowCount === 1
    },

    /** With all that it has. False where there is none, or a label points at one of its versions. */
    async removePrompt(tenantId: string, id: string): Promise<boolean> {
      return inTransaction(pool, async (client) => {
        const { rows } = await client.query(lockUnlabelled, [tenantId, id])
        if (rows.length === 0 || rows[0].isLabelled) return false
        await client.query('delete from prompts where tenant_id = $1 and id = $2', [tenantId, id])
        return true
      })
    },
  }
}

const columns = 'id, name, description, created_at as "createdAt", updated_at as "updatedAt"'

const findPrompts = `select ${columns} from prompts where tenant_id = $1 and id = any($2)`

const findPromptsByName = `select ${columns} from prompts where tenant_id = $1 and name = any($2)`

// The column's own collation compares bytes and knows the case of ASCII alone; the database's knows all letters'.
const matches = `($2::text is null or strpos(lower(name collate "default"), lower($2)) > 0)`

const listPrompts = `
  select ${columns} from prompts where tenant_id = $1 and ${matches} and ($3::text is null or name > $3)
  order by name limit $4`

const countPrompts = `select count(*)::float8 from prompts where tenant_id = $1 and ${matches}`

const insertPrompt = `
  with prompt as (
    insert into prompts (tenant_id, id, name, description, created_at, updated_at) values ($1, $2, $3, $4, $7, $7)
    on conflict (tenant_id, name) do nothing returning id)
  insert into prompt_drafts (tenant_id, prompt_id, revision, etag, content, updated_at)
  select $1, id, 1, $5, $6, $7 from prompt`

/** Whoever moves a label holds the prompt too. */
const lockUnlabelled = `
  select exists (select from prompt_labels where tenant_id = $1 and prompt_id = $2) as "isLabelled"
  from prompts where tenant_id = $1 and id = $2 for update`
