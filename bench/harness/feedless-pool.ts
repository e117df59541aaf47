import type { Pool, PoolClient } from 'pg'
import { createLogger } from '../../src/infra/logger.ts'
import { createIngestPool } from '../../src/infra/postgres.ts'
import { storeFresh, storeMerged } from '../../src/traces/ingest-statement.repository.ts'
import { imageOf } from '../../src/traces/trace-image.repository.ts'

/** The product's pool for ingest, and one whose connections store the same but for the feed. */
export function openPools(databaseUrl: string) {
  const open = () => createIngestPool({ databaseUrl, operationMs: 60_000, logger: createLogger('silent') })
  const pools = { fed: open(), feedless: open() }
  const texts = new Map([storeFresh, storeMerged].map((text) => [text, withoutFeed(text)]))
  pools.feedless.on('connect', (client) => changeTexts(client, texts))
  return {
    ...pools,
    end: async () => void (await Promise.all(Object.values(pools).map((pool: Pool) => pool.end()))),
  }
}

function changeTexts(client: PoolClient, texts: ReadonlyMap<string, string>): void {
  const query = client.query.bind(client) as (given: unknown, ...others: unknown[]) => unknown
  const changed = (given: { text?: string }) => {
    const text = texts.get(given.text ?? '')
    return text === undefined ? given : { ...given, text }
  }
  Object.assign(client, { query: (given: { text?: string }, ...others: unknown[]) => query(changed(given), ...others) })
}

/** Cuts out what writes the feed, and what the trace is after the change, which only the feed asks for. */
function withoutFeed(text: string): string {
  const begin = text.indexOf('\n  fed as (')
  const end = text.indexOf('),\n', begin) + '),'.length
  const fed = text.slice(begin, end)
  const image = `, ${imageOf('t')} as image`
  const isMerged = text === storeMerged
  if (begin < 0 || !fed.includes('insert into feed') || isMerged !== text.includes(image)) {
    throw new Error(`the statement writes the feed in another way than this bench knows: ${text}`)
  }
  const cut = (text.slice(0, begin) + text.slice(end)).replace(image, '')
  if (/\bfeed\b|\bimage\b/.test(cut)) throw new Error(`there is more of the feed than this bench has cut out: ${cut}`)
  return cut
}
