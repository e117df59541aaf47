import type { Pool } from 'pg'
import type { PromptLabel, PromptLabelMove } from './prompt.ts'

export type PromptLabelRepository = ReturnType<typeof createPromptLabelRepository>

export interface MoveList {
  /** The id before which the page begins. */
  before: number | null
  limit: number
}

/** Labels as they are read; `publish.repository.ts` moves them. */
export function createPromptLabelRepository(pool: Pool) {
  return {
    /** By name. */
    async findLabels(tenantId: string, promptIds: readonly string[]): Promise<PromptLabel[]> {
      const { rows } = await pool.query({ name: 'find-labels', text: findLabels, values: [tenantId, promptIds] })
      return rows
    },

    /** Newest first. */
    async listMoves(tenantId: string, promptId: string, { before, limit }: MoveList): Promise<PromptLabelMove[]> {
      const { rows } = await pool.query(listMoves, [tenantId, promptId, before, limit])
      return rows
    },

    async countMoves(tenantId: string, promptId: string): Promise<number> {
      const { rows } = await pool.query(countMoves, [tenantId, promptId])
      return rows[0].count
    },
  }
}

const findLabels = `
  select prompt_id as "promptId", name, number, moved_at as "movedAt"
  from prompt_labels where tenant_id = $1 and prompt_id = any($2) order by name`

const listMoves = `
  select prompt_id as "promptId", id::text, label, from_number as "fromNumber", to_number as "toNumber", note, evidence,
         key_id as "keyId", key_name as "keyName", moved_at as "movedAt"
  from prompt_label_moves where tenant_id = $1 and prompt_id = $2 and ($3::bigint is null or id < $3)
  order by id desc limit $4`

const countMoves = 'select count(*)::float8 from prompt_label_moves where tenant_id = $1 and prompt_id = $2'
