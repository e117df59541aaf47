import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { until } from './until.ts'

export interface TestDatabase {
  url: string
  /** Fails where somebody is still connected: whoever opened a connection closes it. */
  drop(): Promise<void>
}

export const templateDatabase = 'tracemend_template'

/** Migrated, without a row. */
export function createDatabase(): Promise<TestDatabase> {
  return create(`template ${templateDatabase}`)
}

export function createEmptyDatabase(): Promise<TestDatabase> {
  return create('')
}

export async function withDatabase<Result>(url: string, use: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

async function create(options: string): Promise<TestDatabase> {
  const server = inject('databaseUrl')
  const name = `test_${randomBytes(6).toString('hex')}`
  await withDatabase(server, (client) => client.query(`create database ${name} ${options}`))
  const url = new URL(server)
  url.pathname = `/${name}`
  return { url: url.toString(), drop: () => drop(server, name) }
}

async function drop(server: string, name: string): Promise<void> {
  await withDatabase(server, async (client) => {
    const connected = `select application_name from pg_stat_activity where datname = $1 and backend_type = 'client backend'`
    await until(async () => (await client.query(connected, [name])).rows.length === 0)
    await client.query(`drop database ${name}`)
  })
}
