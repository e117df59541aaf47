import type { Pool, PoolClient } from 'pg'
import { cleanText } from '../clean.ts'
import { NotFoundError } from '../errors.ts'
import { inTransaction } from '../infra/transaction.ts'
import type { Evidence, Prompt } from './prompt.ts'
import type { PromptContent } from './prompt-content.ts'

export type PromptRepository = ReturnType<typeof createPromptRepository>

/** What became of something that was to be removed. */
export type Removal = 'removed' | 'labelled' | 'gone'

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
  evidence?: Evidence
}

export function createPromptRepository(pool: Pool) {
  async function findPromptsByName(tenantId: string, names: readonly string[]): Promise<Prompt[]> {
    const values = [tenantId, names]
    const { rows } = await pool.query({ name: 'find-prompts-by-name', text: findByName, values })
    return rows
  }

  return {
    findPromptsByName,

    async findPrompts(tenantId: string, ids: readonly string[]): Promise<Prompt[]> {
      const { rows } = await pool.query({ name: 'find-prompts', text: findPrompts, values: [tenantId, ids] })
      return rows
    },

    async getPromptByName(tenantId: string, name: string): Promise<Prompt> {
      const [prompt] = await findPromptsByName(tenantId, [cleanText(name)])
      if (!prompt) throw new NotFoundError('prompt', name, 'name')
      return prompt
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
      const { id, name, description, content, etag, evidence, createdAt } = prompt
      const texts = [JSON.stringify(content), evidence && JSON.stringify(evidence)]
      const values = [tenantId, id, name, description, etag, ...texts, createdAt]
      const { rowCount } = await pool.query(insertPrompt, values)
      return rowCount === 1
    },

    /** With all that it has; not where a label points at one of its versions. */
    async removePrompt(tenantId: string, id: string): Promise<Removal> {
      return inTransaction(pool, async (client) => {
        if (!(await lockPrompt(client, tenantId, id))) return 'gone'
        const { rows } = await client.query(findAnyLabel, [tenantId, id])
        if (rows.length > 0) return 'labelled'
        await client.query('delete from prompts where tenant_id = $1 and id = $2', [tenantId, id])
        return 'removed'
      })
    },
  }
}

/** Whoever writes the draft, makes or removes a version, or moves a label holds the prompt first. False: it is gone. */
export async function lockPrompt(client: PoolClient, tenantId: string, promptId: string): Promise<boolean> {
  const { rows } = await client.query(lock, [tenantId, promptId])
  return rows.length === 1
}

const lock = 'select from prompts where tenant_id = $1 and id = $2 for update'

const columns = 'id, name, description, created_at as "createdAt", updated_at as "updatedAt"'

const findPrompts = `select ${columns} from prompts where tenant_id = $1 and id = any($2)`

const findByName = `select ${columns} from prompts where tenant_id = $1 and name = any($2)`

// The column's own collation compares bytes and knows the case of ASCII alone; the database's knows all letters'.
const matches = `($2::text is null or strpos(lower(name collate "default"), lower($2)) > 0)`

const listPrompts = `
  select ${columns} from prompts where tenant_id = $1 and ${matches} and ($3::text is null or name > $3)
  order by name limit $4`

const countPrompts = `select count(*)::float8 from prompts where tenant_id = $1 and ${matches}`

const insertPrompt = `
  with prompt as (
    insert into prompts (tenant_id, id, name, description, created_at, updated_at) values ($1, $2, $3, $4, $8, $8)
    on conflict (tenant_id, name) do nothing returning id)
  insert into prompt_drafts (tenant_id, prompt_id, revision, etag, content, evidence, updated_at)
  select $1, id, 1, $5, $6, $7, $8 from prompt`

// Not in the statement that waits for the prompt: that would see what was there when it began to.
const findAnyLabel = 'select from prompt_labels where tenant_id = $1 and prompt_id = $2 limit 1'
