import pg from 'pg'
import { StartError } from '../errors.ts'
import type { Logger } from './logger.ts'

/** A bit beyond the time limit of an operation: what nobody waits for any more doesn't go on in the database. */
const statementGraceMs = 1_000

export interface PoolOptions {
  databaseUrl: string
  operationMs: number
  logger: Logger
}

/** For everything but ingest. */
export function createPool(options: PoolOptions): pg.Pool {
  return openPool(options, { max: 20, connectionTimeoutMillis: 5_000 })
}

/**
 * For ingest, so that a flood of it leaves connections to whoever reads, and waits for its own. Its one large statement
 * is planned once a connection: by itself PostgreSQL would do it six times, for 7 ms each.
 */
export function createIngestPool(options: PoolOptions): pg.Pool {
  const planning = '-c plan_cache_mode=force_generic_plan'
  return openPool(options, { max: 8, connectionTimeoutMillis: 15_000, options: planning })
}

function openPool({ databaseUrl, operationMs, logger }: PoolOptions, settings: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool({
    ...settings,
    connectionString: databaseUrl,
    statement_timeout: operationMs + statementGraceMs,
    // Where the server doesn't even say that the time is over: its line is dead.
    query_timeout: operationMs + 2 * statementGraceMs,
    keepAlive: true,
    application_name: 'tracemend',
  })
  // Without a listener, the error of an idle connection (the server went away) would end the process.
  pool.on('error', (error) => {
    // The pool is done before its connections are: PostgreSQL, told to end, may be faster.
    if (!pool.ending) logger.warn({ err: error }, 'a database connection was lost')
  })
  // So would that of one that is held for a transaction. Whoever holds it learns of it from the query at hand.
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

/** Waits for a database that may be starting as we are; then says what was tried, without the password. */
export async function waitForDatabase(databaseUrl: string, waitMs: number, logger: Logger): Promise<void> {
  const deadline = Date.now() + waitMs
  for (let attempt = 1; ; attempt++) {
    const error = await tryToConnect(databaseUrl)
    if (!error) return
    if (Date.now() >= deadline || isHopeless(error)) {
      throw new StartError(
        `The database at ${withoutPassword(databaseUrl)} can't be used: ${said(error)} ` +
          `(${attempt} attempt(s) in ${Math.round((waitMs - (deadline - Date.now())) / 1000)} s). ` +
          'Check DATABASE_URL; TRACEMEND_DATABASE_WAIT_MS sets how long a start waits for it.',
      )
    }
    logger.info({ database: withoutPassword(databaseUrl), attempt, reason: said(error) }, 'waiting for the database')
    await new Promise((resolve) => setTimeout(resolve, Math.min(250 * attempt, 2_000)))
  }
}

async function tryToConnect(databaseUrl: string): Promise<Error | null> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 5_000 })
  // What ends it says so to whoever waits for an answer; without a listener, it would end the process as well.
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query('show server_version_num')
    const version = Number(rows[0].server_version_num)
    if (version < 140_000)
      throw new StartError(`PostgreSQL 14 or later is needed; this is ${Math.floor(version / 10_000)}`)
    return null
  } catch (error) {
    return error as Error
  } finally {
    await client.end().catch(() => {})
  }
}

/** A wrong password, a missing role or database: waiting doesn't help. */
function isHopeless(error: Error): boolean {
  const { code } = error as { code?: string }
  return error instanceof StartError || /^(28|3D|42)/.test(code ?? '')
}

function said(error: Error): string {
  const { code, errors } = error as { code?: string; errors?: Error[] }
  return error.message || errors?.map((each) => each.message).join(', ') || code || error.name
}

function withoutPassword(url: string): string {
  const parsed = new URL(url)
  if (parsed.password) parsed.password = '***'
  parsed.search = ''
  return parsed.toString()
}
