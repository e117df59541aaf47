import { Client } from 'pg'
import { findCluster } from './cluster.ts'
import { buildProduct, type Product, startProduct } from './product.ts'

/** A product at work on a data folder, as users run it, and ways to it: over HTTP, and past it to its PostgreSQL. */
export interface Workbench {
  product: Product
  /** For a reference: the role and the database that the product has. */
  databaseUrl: string
  /** A superuser in the product's database: to fill tables, and to look. */
  sql: Client
  ask<Data>(key: string, query: string, variables?: object): Promise<Data>
}

/** Requests are counted, as in the product, and never too many. */
const unlimited = { TRACEMEND_MAX_REQUESTS_PER_MINUTE: '1000000000' }

export async function withWorkbench<Result>(
  dataFolder: string,
  use: (bench: Workbench) => Promise<Result>,
  settings: Record<string, string> = {},
): Promise<Result> {
  await buildProduct()
  const product = await startProduct(dataFolder, undefined, { ...unlimited, ...settings })
  try {
    const { url, adminUrl } = await findCluster(dataFolder)
    const sql = new Client({ connectionString: adminUrl })
    await sql.connect()
    try {
      await requireDurability(sql)
      return await use({ product, databaseUrl: url, sql, ask: askAt(product.address) })
    } finally {
      await sql.end()
    }
  } finally {
    await product.stop()
  }
}

/** A commit that isn't on the disk costs next to nothing, and no figure with it would mean anything. */
async function requireDurability(sql: Client): Promise<void> {
  const { rows } = await sql.query(
    `select name, setting from pg_settings
      where name in ('fsync', 'synchronous_commit', 'full_page_writes') and setting <> 'on'`,
  )
  if (rows.length > 0) throw new Error(`PostgreSQL must write durably; it has ${JSON.stringify(rows)}`)
}

function askAt(address: string): Workbench['ask'] {
  return async (key, query, variables = {}) => {
    const response = await fetch(`${address}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ query, variables }),
    })
    const { data, errors } = (await response.json()) as { data: never; errors?: unknown }
    if (errors) throw new Error(`${query.trim().split('\n')[0]} was answered with ${JSON.stringify(errors)}`)
    return data
  }
}
