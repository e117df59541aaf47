import pg from 'pg'

interface Recorded<Result> {
  result: Result
  /** The text of each statement, in the order in which they were sent. */
  texts: string[]
}

/**
 * What the apps of this process say to PostgreSQL meanwhile, through whichever pool and library. Their work in the
 * background speaks too: count what names the tables that are meant.
 */
export async function recordStatements<Result>(run: () => Promise<Result>): Promise<Recorded<Result>> {
  const prototype = pg.Client.prototype as unknown as { query(...args: unknown[]): unknown }
  const { query } = prototype
  const texts: string[] = []
  prototype.query = function (...args) {
    const [given] = args as [string | { text: string }]
    texts.push(typeof given === 'string' ? given : given.text)
    return query.apply(this, args)
  }
  try {
    return { result: await run(), texts }
  } finally {
    prototype.query = query
  }
}

/** Those that name a table. */
export function naming(table: string, texts: readonly string[]): string[] {
  const name = new RegExp(`\\b${table}\\b`)
  return texts.filter((text) => name.test(text))
}
