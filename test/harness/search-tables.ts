import type { Pool } from 'pg'
import { createPool } from '../../src/infra/postgres.ts'
import { createSearchIndexRepository, type SearchIndexRepository } from '../../src/traces/search-index.repository.ts'
import { findSearchCandidates } from '../../src/traces/trace-search.repository.ts'
import { createDatabase } from './database.ts'
import { recordLog } from './recorded-log.ts'

/** The search index on a database of its own. */
export type SearchDatabase = Awaited<ReturnType<typeof createSearchDatabase>>

export async function createSearchDatabase() {
  const database = await createDatabase()
  const pool = createPool({ databaseUrl: database.url, operationMs: 30_000, logger: recordLog().logger })
  let round = 0
  return {
    pool,
    index: createSearchIndexRepository(pool),

    /** Of another tenant each time, and nothing is due. */
    async openTables(): Promise<SearchTables> {
      await pool.query('truncate search_due')
      return openSearchTables(pool, `tn_${++round}`)
    },

    async drop() {
      await pool.end()
      await database.drop()
    },
  }
}

/** The tables that search is made from and those that it looks into, of one tenant, written and read as rows. */
export type SearchTables = ReturnType<typeof openSearchTables>

interface Contents {
  messages?: unknown
  variables?: unknown
  output?: unknown
}

export function openSearchTables(pool: Pool, tenantId: string) {
  async function query(text: string, ...values: unknown[]) {
    return (await pool.query(text, [tenantId, ...values])).rows
  }

  return {
    tenantId,
    query,

    async insertTrace(id: string, { name, model }: { name?: string; model?: string } = {}, contents?: Contents) {
      const insert = 'insert into traces (tenant_id, id, name, model, created_at, updated_at)'
      await query(`${insert} values ($1, $2, $3, $4, now(), now())`, id, name, model)
      if (!contents) return
      const texts = [contents.messages, contents.variables, contents.output].map(asJson)
      const insertContents = 'insert into trace_contents (tenant_id, trace_id, messages, variables, output)'
      await query(`${insertContents} values ($1, $2, $3, $4, $5)`, id, ...texts)
    },

    async storeSpan(traceId: string, id: string, input: unknown, output?: unknown) {
      await query(
        `insert into span_contents (tenant_id, trace_id, span_id, input, output) values ($1, $2, $3, $4, $5)
         on conflict (tenant_id, trace_id, span_id) do update set input = excluded.input, output = excluded.output`,
        ...[traceId, id, asJson(input), asJson(output)],
      )
    },

    async makeDue(traceId: string, spanIds: readonly string[]) {
      await query('insert into search_due (tenant_id, trace_id, span_ids) values ($1, $2, $3)', traceId, spanIds)
    },

    async countDue(): Promise<number> {
      return (await query('select count(*)::int from search_due where tenant_id = $1'))[0].count
    },

    /** Which entries there are, and which of their words are asked for. */
    async entries(...words: string[]) {
      const asked = 'array(select unnest(words) intersect select unnest($2::text[]) order by 1)'
      const rows = await query(
        `select trace_id, span_id, names, ${asked} as words from search_entries
         where tenant_id = $1 order by trace_id, span_id`,
        words,
      )
      return rows.map(({ trace_id, span_id, names, words }) => [`${trace_id}/${span_id}`, names, ...words])
    },

    find: (search: string, limit = 100) => findSearchCandidates(pool, tenantId, search, limit),
  }
}

export async function indexAll(index: SearchIndexRepository): Promise<void> {
  while (await index.indexSome());
}

function asJson(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value)
}
