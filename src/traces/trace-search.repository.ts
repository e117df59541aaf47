import type { Pool } from 'pg'
import { gramsToFind, searchQueryOf } from './search-text.ts'

/** More entries than these of one trace, on average, and a search counts as one that finds too much. */
const entriesATrace = 4

/** What an entry (`search_entries e`) must hold: the words all in this one, or the text as a part of its names. */
export function searchCondition(search: string, bind: (value: unknown) => string): string {
  const { name, words } = searchQueryOf(search)
  const parts = words.length > 0 ? [`e.words @> ${bind(words)}::text[]`] : []
  if (name !== '') {
    // The index finds grams; that they stand together is seen in the names.
    parts.push(`e.words @> ${bind(gramsToFind(name))}::text[] and strpos(e.names, ${bind(name)}) > 0`)
  }
  return parts.length === 0 ? 'false' : `(${parts.join(' or ')})`
}

/** The traces that a search finds; null where they are more than the limit, or stand in too many entries to tell. */
export async function findSearchCandidates(
  pool: Pool,
  tenantId: string,
  search: string,
  limit: number,
): Promise<string[] | null> {
  const values: unknown[] = [tenantId]
  const condition = searchCondition(search, (value) => `$${values.push(value)}`)
  const maxEntries = limit * entriesATrace
  const { rows } = await pool.query({
    text: `
      select e.trace_id from search_entries e where e.tenant_id = $1 and ${condition}
      limit ${Math.trunc(maxEntries) + 1}`,
    values,
    rowMode: 'array',
  })
  const ids = new Set<string>(rows.map(([id]) => id))
  return rows.length > maxEntries || ids.size > limit ? null : [...ids]
}
