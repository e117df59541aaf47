import type { Pool } from 'pg'
import type { TraceUse } from '../prompts/prompt-use.ts'

/** What prompts ask of traces. */
export function createTraceUseRepository(pool: Pool): TraceUse {
  return {
    async findUsedEtags(tenantId, promptName, etags) {
      const { rows } = await pool.query(findUsedEtags, [tenantId, promptName, etags])
      return rows.map(({ etag }) => etag)
    },

    async hasTrace(tenantId, id) {
      const { rows } = await pool.query('select from traces where tenant_id = $1 and id = $2', [tenantId, id])
      return rows.length > 0
    },
  }
}

/** Of each etag one trace is looked for, by the index of etags. */
const findUsedEtags = `
  select etag from unnest($3::text[]) as asked(etag) where exists (
    select from traces t where t.tenant_id = $1 and t.etag = asked.etag and t.prompt_name = $2)`
