import type { Pool } from 'pg'
import { gramsToFind, searchQueryOf } from './search-text.ts'

type Bind = (value: unknown) => string

/** More entries than these of one trace, on average, and a search counts as one that finds too much. */
const entriesATrace = 2

/** What an entry (`search_entries e`) must hold: the words all in this one, or the text as a part of its names. */
export function searchCondition(search: string, bind: Bind): string {
  const conditions = conditionsOf(search, bind)
  return conditions.length === 0 ? 'false' : `(${conditions.join(' or ')})`
}

/**
 * The traces that a search finds; null where they are more than the limit, or stand in too many entries to tell.
 * What the index says is then taken at its word: looking at the words of 10,000 entries again takes 0.1 s.
 */
export async function findSearchCandidates(
  pool: Pool,
  tenantId: string,
  search: string,
  limit: number,
): Promise<string[] | null> {
  const values: unknown[] = [tenantId]
  const found = conditionsOf(search, (value) => `$${values.push(value)}`).map(
    (condition) => `select e.trace_id from search_entries e where e.tenant_id = $1 and ${condition}`,
  )
  if (found.length === 0) return []
  const maxEntries = Math.trunc(limit) * entriesATrace
  const text = `${found.join(' union all ')} limit ${maxEntries + 1}`
  const { rows } = await pool.query({ text, values, rowMode: 'array' })
  const ids = new Set<string>(rows.map(([id]) => id))
  return rows.length > maxEntries || ids.size > limit ? null : [...ids]
}

/** Of these traces, those that a search finds. */
export async function findAmong(
  pool: Pool,
  tenantId: string,
  search: string,
  traceIds: readonly string[],
): Promise<string[]> {
  const values: unknown[] = [tenantId, traceIds]
  const condition = searchCondition(search, (value) => `$${values.push(value)}`)
  const text = `
    select distinct e.trace_id from search_entries e
    where e.tenant_id = $1 and e.trace_id = any($2) and ${condition}`
  const { rows } = await pool.query({ text, values, rowMode: 'array' })
  return rows.map(([id]) => id)
}

/** Any of them will do. Grams are what the index finds; that they stand together is seen in the names. */
function conditionsOf(search: string, bind: Bind): string[] {
  const { name, words } = searchQueryOf(search)
  const inContent = words.length === 0 ? [] : [`e.words @> ${bind(words)}::text[]`]
  const inNames =
    name === '' ? [] : [`(e.words @> ${bind(gramsToFind(name))}::text[] and strpos(e.names, ${bind(name)}) > 0)`]
  return [...inContent, ...inNames]
}
