import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from 'pg'

/** What was taken in is indexed for search in the background: milliseconds until all of it is. */
export async function untilIndexed(sql: Client): Promise<number> {
  const begun = performance.now()
  while ((await sql.query('select from search_due limit 1')).rowCount) await pause(50)
  return Math.round(performance.now() - begun)
}
