import type { Pool } from 'pg'
import type { Evidence, PromptDraft } from './prompt.ts'
import type { PromptContent } from './prompt-content.ts'

export type PromptDraftRepository = ReturnType<typeof createPromptDraftRepository>

export interface DraftUpdate {
  content: PromptContent
  etag: string
  evidence: Evidence | null
  expectedRevision: number
  now: Date
}

export function createPromptDraftRepository(pool: Pool) {
  return {
    async findDrafts(tenantId: string, promptIds: readonly string[]): Promise<PromptDraft[]> {
      const { rows } = await pool.query({ name: 'find-drafts', text: findDrafts, values: [tenantId, promptIds] })
      return rows
    },

    /** As it was written. Of two who expect one revision, the second one finds another: null, as without a prompt. */
    async updateDraft(tenantId: string, promptId: string, update: DraftUpdate): Promise<PromptDraft | null> {
      const { content, etag, evidence, expectedRevision, now } = update
      const texts = [JSON.stringify(content), evidence && JSON.stringify(evidence)]
      const values = [tenantId, promptId, expectedRevision, etag, ...texts, now]
      const { rows } = await pool.query(updateDraft, values)
      return rows[0] ?? null
    },
  }
}

const columns = `
  d.prompt_id as "promptId", d.revision, d.etag, d.content, base.number as "baseNumber",
  base.etag is distinct from d.etag as changed, d.evidence, d.updated_at as "updatedAt"`

const findDrafts = `
  select ${columns}
  from prompt_drafts d
  left join prompt_versions base on base.tenant_id = $1 and base.prompt_id = d.prompt_id and base.number = d.base_number
  where d.tenant_id = $1 and d.prompt_id = any($2)`

/** Held in the order in which a publication does: the prompt, then its draft. */
const updateDraft = `
  with prompt as (select id from prompts where tenant_id = $1 and id = $2 for update),
  updated as (
    update prompt_drafts set revision = revision + 1, etag = $4, content = $5, evidence = $6, updated_at = $7
    from prompt where tenant_id = $1 and prompt_id = prompt.id and revision = $3 returning prompt_drafts.*),
  touched as (update prompts set updated_at = $7 from updated where prompts.tenant_id = $1 and id = prompt_id)
  select ${columns}
  from updated d
  left join prompt_versions base on base.tenant_id = $1 and base.prompt_id = d.prompt_id and base.number = d.base_number`
