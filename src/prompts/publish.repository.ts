import type { Pool, PoolClient } from 'pg'
import { inTransaction } from '../infra/transaction.ts'
import { lockPrompt } from './prompt.repository.ts'
import type { Author, Evidence } from './prompt.ts'

export type PublishRepository = ReturnType<typeof createPublishRepository>

export interface Publication extends Author {
  label: string
  expectedRevision: number
  note: string | null
  /** Besides what the draft has of its own. */
  traceId: string | null
  /** Instead of those that the draft has; null: those. */
  runIds: string[] | null
  now: Date
}

export interface LabelMove extends Author {
  label: string
  /** Null: the label goes. */
  toNumber: number | null
  note: string | null
  evidence: Evidence | null
  now: Date
}

/** Whatever makes versions and moves labels: one at a time for a prompt, by holding its row. */
export function createPublishRepository(pool: Pool) {
  return {
    /**
     * The draft as a version, and the label on it: the number, or the revision that the draft is at where it is not the
     * expected one. A content that is a version already stays that one. Null: there is no such prompt.
     */
    async publish(
      tenantId: string,
      promptId: string,
      publication: Publication,
    ): Promise<{ number: number } | { staleRevision: number } | null> {
      return inTransaction(pool, async (client) => {
        if (!(await lockPrompt(client, tenantId, promptId))) return null
        const { rows } = await client.query(lockDraft, [tenantId, promptId])
        const { revision, etag, evidence: own } = rows[0]
        if (revision !== publication.expectedRevision) return { staleRevision: revision }
        const { note, keyId, keyName, now } = publication
        const evidence = evidenceOf(own, publication)
        const values = [tenantId, promptId, etag]
        const version =
          (await client.query(findNumber, values)).rows[0] ??
          (await client.query(insertVersion, [...values, note, toJson(evidence), keyId, keyName, now])).rows[0]
        const { number } = version
        await client.query(storeBase, [tenantId, promptId, number, now])
        await moveLabel(client, tenantId, promptId, { ...publication, evidence, toNumber: number })
        return { number }
      })
    },

    /** False: there is no such prompt or version. */
    async move(tenantId: string, promptId: string, move: LabelMove): Promise<boolean> {
      return inTransaction(pool, async (client) => {
        if (!(await lockPrompt(client, tenantId, promptId))) return false
        const isThere =
          move.toNumber === null ||
          (await client.query(findVersion, [tenantId, promptId, move.toNumber])).rows.length === 1
        if (isThere) await moveLabel(client, tenantId, promptId, move)
        return isThere
      })
    },
  }
}

/** A label that is there already has not moved, unless there is something to be said of it. */
async function moveLabel(client: PoolClient, tenantId: string, promptId: string, move: LabelMove): Promise<void> {
  const { label, toNumber, note, evidence, keyId, keyName, now } = move
  const own = [tenantId, promptId, label]
  const { rows } = await client.query(findLabel, own)
  const fromNumber = rows[0]?.number ?? null
  if (fromNumber === toNumber && note === null && evidence === null) return
  await (toNumber === null ? client.query(removeLabel, own) : client.query(storeLabel, [...own, toNumber, now]))
  const values = [...own, fromNumber, toNumber, note, toJson(evidence), keyId, keyName, now]
  await client.query(insertMove, values)
  await client.query('update prompts set updated_at = $3 where tenant_id = $1 and id = $2', [tenantId, promptId, now])
}

function evidenceOf(
  own: Evidence | null,
  { traceId, runIds }: Pick<Publication, 'traceId' | 'runIds'>,
): Evidence | null {
  if (own === null && traceId === null) return null
  const known = own ?? { traceId: null, sessionId: null, runIds: [] }
  return { ...known, traceId: traceId ?? known.traceId, runIds: runIds ?? known.runIds }
}

function toJson(evidence: Evidence | null): string | null {
  return evidence && JSON.stringify(evidence)
}

const lockDraft =
  'select revision, etag, evidence from prompt_drafts where tenant_id = $1 and prompt_id = $2 for no key update'

const findNumber = 'select number from prompt_versions where tenant_id = $1 and prompt_id = $2 and etag = $3'

const findVersion = 'select from prompt_versions where tenant_id = $1 and prompt_id = $2 and number = $3'

/** Numbers are not given twice, also where the newest version was deleted. */
const insertVersion = `
  with next as (
    update prompts set last_number = last_number + 1 where tenant_id = $1 and id = $2 returning last_number as number)
  insert into prompt_versions (tenant_id, prompt_id, number, etag, content, note, evidence, key_id, key_name, published_at)
  select $1, $2, next.number, $3, d.content, $4, $5::json, $6, $7, $8
  from next join prompt_drafts d on d.tenant_id = $1 and d.prompt_id = $2
  returning number`

const storeBase = `
  with based as (update prompt_drafts set base_number = $3 where tenant_id = $1 and prompt_id = $2)
  update prompts set updated_at = $4 where tenant_id = $1 and id = $2`

const findLabel = 'select number from prompt_labels where tenant_id = $1 and prompt_id = $2 and name = $3'

const storeLabel = `
  insert into prompt_labels (tenant_id, prompt_id, name, number, moved_at) values ($1, $2, $3, $4, $5)
  on conflict (tenant_id, prompt_id, name) do update set number = excluded.number,
    moved_at = case when prompt_labels.number = excluded.number then prompt_labels.moved_at else excluded.moved_at end`

const removeLabel = 'delete from prompt_labels where tenant_id = $1 and prompt_id = $2 and name = $3'

const insertMove = `
  insert into prompt_label_moves (tenant_id, prompt_id, label, from_number, to_number, note, evidence, key_id, key_name,
    moved_at)
  values ($1, $2, $3, $4, $5, $6, $7::json, $8, $9, $10)`
