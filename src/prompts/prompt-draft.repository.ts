import type { Pool } from 'pg'
import type { PromptDraft } from './prompt.ts'
import type { PromptContent } from './prompt-content.ts'

export type PromptDraftRepository = ReturnType<typeof createPromptDraftRepository>

export interface DraftUpdate {
  content: PromptContent
  etag: string
  expectedRevision: number
  now: Date
}

export function createPromptDraftRepository(pool: Pool) {
  return {
    async findDrafts(tenantId: string, promptIds: readonly string[]): Promise<PromptDraft[]> {
      const { rows } = await pool.query({ name: 'find-drafts', text: findDrafts, values: [tenantId, promptIds] })
      return rows
    },

    /** Of two who expect one revision, the second one finds another. False: it is another, or there is no prompt. */
    async updateDraft(tenantId: string, promptId: string, update: DraftUpdate): Promise<boolean> {
      const { content, etag, expectedRevision, now } = update
      const values = [tenantId, promptId, expectedRevision, etag, JSON.stringify(content), now]
      const { rowCount } = await pool.query(updateDraft, values)
      return rowCount === 1
    },
  }
}

const findDrafts = `
  select d.prompt_id as "promptId", revision, d.etag, d.content, base_number as "baseNumber",
         base.etag is distinct from d.etag as changed, updated_at as "updatedAt"
  from prompt_drafts d
  left join prompt_versions base on base.tenant_id = $1 and base.prompt_id = d.prompt_id and base.number = d.base_number
  where d.tenant_id = $1 and d.prompt_id = any($2)`

/** Held in the order in which a publication does: the prompt, then its draft. */
const updateDraft = `
  with prompt as (select id from prompts where tenant_id = $1 and id = $2 for update),
  updated as (
    update prompt_drafts set revision = revision + 1, etag = $4, content = $5, updated_at = $6
    from prompt where tenant_id = $1 and prompt_id = prompt.id and revision = $3 returning prompt_id)
  update prompts set updated_at = $6 from updated where tenant_id = $1 and id = updated.prompt_id`
