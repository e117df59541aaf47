import type { Pool } from 'pg'
import type { Selector } from './prompt.ts'
import type { PromptContent } from './prompt-content.ts'

export type PromptSourceRepository = ReturnType<typeof createPromptSourceRepository>

/** What is compiled: of a version, or of the draft (without a number). */
export interface PromptSource {
  promptId: string
  number: number | null
  etag: string
  /** Null where it is the one that was known. */
  content: PromptContent | null
}

export interface KnownSource {
  promptId: string
  etag: string
}

export function createPromptSourceRepository(pool: Pool) {
  return {
    /** One look by the prompt's name; the content, which may be large, only where it isn't known by its etag. */
    async findSource(
      tenantId: string,
      name: string,
      selector: Selector,
      known: KnownSource | null,
    ): Promise<PromptSource | null> {
      const { kind } = selector
      const wanted =
        kind === 'version' ? selector.number : kind === 'label' ? selector.name : kind === 'etag' ? selector.etag : null
      const values = [tenantId, name, known?.promptId, known?.etag, ...(kind === 'draft' ? [] : [wanted])]
      const { rows } = await pool.query({ name: `find-source-by-${kind}`, text: statements[kind], values })
      return rows[0] ?? null
    },
  }
}

const content = `case when p.id = $3 and s.etag = $4 then null else s.content end as content`

const ofVersions = (where: string) => `
  select p.id as "promptId", s.number, s.etag, ${content}
  from prompts p join prompt_versions s on s.tenant_id = $1 and s.prompt_id = p.id
  ${where}`

const statements: Record<Selector['kind'], string> = {
  version: ofVersions('where p.tenant_id = $1 and p.name = $2 and s.number = $5'),
  etag: ofVersions('where p.tenant_id = $1 and p.name = $2 and s.etag = $5'),
  label: ofVersions(`
    join prompt_labels l on l.tenant_id = $1 and l.prompt_id = p.id and l.number = s.number
    where p.tenant_id = $1 and p.name = $2 and l.name = $5`),
  draft: `
    select p.id as "promptId", null as number, s.etag, ${content}
    from prompts p join prompt_drafts s on s.tenant_id = $1 and s.prompt_id = p.id
    where p.tenant_id = $1 and p.name = $2`,
}
