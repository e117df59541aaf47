import type { Pool } from 'pg'
import { inTransaction } from '../infra/transaction.ts'
import { lockPrompt, type Removal } from './prompt.repository.ts'
import { keyOfVersion, type NamedEtag, type PromptVersion, type Selector, type VersionKey } from './prompt.ts'
import type { PromptContent } from './prompt-content.ts'

export type PromptVersionRepository = ReturnType<typeof createPromptVersionRepository>

export interface VersionList {
  /** The number before which the page begins. */
  before: number | null
  limit: number
}

/** Versions as they are read, and removed; `publish.repository.ts` makes them. */
export function createPromptVersionRepository(pool: Pool) {
  async function find(where: string, values: unknown[]): Promise<PromptVersion[]> {
    const { rows } = await pool.query(`select ${columns} from prompt_versions v ${where}`, values)
    return rows
  }

  return {
    async findVersions(tenantId: string, keys: readonly VersionKey[]): Promise<PromptVersion[]> {
      return find(ofKeys, [tenantId, ...columnsOf(keys)])
    },

    /** Of the prompts of these names. */
    async findVersionsByEtag(
      tenantId: string,
      keys: readonly NamedEtag[],
    ): Promise<(PromptVersion & { promptName: string })[]> {
      const values = [tenantId, keys.map(({ promptName }) => promptName), keys.map(({ etag }) => etag)]
      const { rows } = await pool.query(findVersionsByEtag, values)
      return rows
    },

    async findVersion(tenantId: string, promptId: string, selector: Selector): Promise<PromptVersion | null> {
      const [version] = await findSelected(selector)
      return version ?? null

      function findSelected(selector: Selector): Promise<PromptVersion[]> | PromptVersion[] {
        const own = 'where v.tenant_id = $1 and v.prompt_id = $2'
        if (selector.kind === 'version') return find(`${own} and v.number = $3`, [tenantId, promptId, selector.number])
        if (selector.kind === 'etag') return find(`${own} and v.etag = $3`, [tenantId, promptId, selector.etag])
        return selector.kind === 'label' ? find(ofLabel, [tenantId, promptId, selector.name]) : []
      }
    },

    /** What a label of each prompt points at. */
    async findLabelled(tenantId: string, promptIds: readonly string[], label: string): Promise<PromptVersion[]> {
      return find(ofLabelledPrompts, [tenantId, promptIds, label])
    },

    /** Newest first. */
    async listVersions(tenantId: string, promptId: string, { before, limit }: VersionList): Promise<PromptVersion[]> {
      return find(ofPrompt, [tenantId, promptId, before, limit])
    },

    async countVersions(tenantId: string, promptId: string): Promise<number> {
      const { rows } = await pool.query(countVersions, [tenantId, promptId])
      return rows[0].count
    },

    async listEtags(tenantId: string, promptId: string): Promise<string[]> {
      const { rows } = await pool.query(listEtags, [tenantId, promptId])
      return rows.map(({ etag }) => etag)
    },

    /** In the order asked. */
    async findContents(tenantId: string, keys: readonly VersionKey[]): Promise<(PromptContent | null)[]> {
      const { rows } = await pool.query({
        name: 'find-contents',
        text: findContents,
        values: [tenantId, ...columnsOf(keys)],
      })
      const byKey = new Map(rows.map(({ promptId, number, content }) => [keyOfVersion({ promptId, number }), content]))
      return keys.map((key) => byKey.get(keyOfVersion(key)) ?? null)
    },

    /** Not where a label points at it. */
    async removeVersion(tenantId: string, { promptId, number }: VersionKey): Promise<Removal> {
      return inTransaction(pool, async (client) => {
        if (!(await lockPrompt(client, tenantId, promptId))) return 'gone'
        const values = [tenantId, promptId, number]
        const { rows } = await client.query(findLabelOf, values)
        if (rows.length > 0) return 'labelled'
        const { rowCount } = await client.query(removeVersion, values)
        return rowCount === 1 ? 'removed' : 'gone'
      })
    },
  }
}

function columnsOf(keys: readonly VersionKey[]): [string[], number[]] {
  return [keys.map(({ promptId }) => promptId), keys.map(({ number }) => number)]
}

const columns = `
  v.prompt_id as "promptId", v.number, v.etag, v.note, v.evidence, v.key_id as "keyId", v.key_name as "keyName",
  v.published_at as "publishedAt"`

const ofKeys = `
  join unnest($2::text[], $3::int[]) as asked(prompt_id, number) using (prompt_id, number) where v.tenant_id = $1`

const ofLabel = `
  join prompt_labels l using (tenant_id, prompt_id, number)
  where v.tenant_id = $1 and v.prompt_id = $2 and l.name = $3`

const ofLabelledPrompts = `
  join prompt_labels l using (tenant_id, prompt_id, number)
  where v.tenant_id = $1 and v.prompt_id = any($2) and l.name = $3`

const ofPrompt = `
  where v.tenant_id = $1 and v.prompt_id = $2 and ($3::bigint is null or v.number < $3) order by v.number desc limit $4`

const countVersions = 'select count(*)::float8 from prompt_versions where tenant_id = $1 and prompt_id = $2'

const listEtags = 'select etag from prompt_versions where tenant_id = $1 and prompt_id = $2'

const findContents = `
  select v.prompt_id as "promptId", v.number, v.content from prompt_versions v ${ofKeys}`

const findVersionsByEtag = `
  select ${columns}, p.name as "promptName"
  from unnest($2::text[], $3::text[]) as asked(name, etag)
  join prompts p on p.tenant_id = $1 and p.name = asked.name
  join prompt_versions v on v.tenant_id = $1 and v.prompt_id = p.id and v.etag = asked.etag`

const findLabelOf = 'select from prompt_labels where tenant_id = $1 and prompt_id = $2 and number = $3 limit 1'

const removeVersion = 'delete from prompt_versions where tenant_id = $1 and prompt_id = $2 and number = $3'
