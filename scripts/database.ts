import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import type { Config } from '../src/config.ts'
import { StartError } from '../src/errors.ts'
import type { Closers } from '../src/infra/closers.ts'
import { type Database, openDatabase } from '../src/infra/database.ts'
import type { Logger } from '../src/infra/logger.ts'

/**
 * The database that `npm start` works with, while it runs or not. The data folder belongs to one process: where that is
 * a server, its PostgreSQL is asked over the port and with the password that stand in the folder. Otherwise it is
 * started for as long as the command takes.
 */
export async function findDatabase(config: Config, closers: Closers, logger: Logger): Promise<Database> {
  if (!config.databaseUrl) {
    const running = await findRunning(config)
    if (running) return running
    await refuseEmpty(config.dataFolder)
  }
  const onLost = (reason: string) => logger.error({ reason }, 'the database was lost')
  return openDatabase({ config, logger, closers, onLost })
}

async function findRunning({ dataFolder, secret }: Config): Promise<Database | null> {
  const started = await read(join(dataFolder, 'postgres', 'postmaster.pid'))
  const password = await read(join(dataFolder, 'postgres.password'))
  const kept = secret ?? Buffer.from((await read(join(dataFolder, 'secret'))) ?? '', 'base64')
  const port = started?.split('\n')[3]
  if (!port || !password || kept.length !== 32) return null
  const url = `postgres://tracemend:${encodeURIComponent(password.trim())}@127.0.0.1:${port}/tracemend`
  return (await answers(url)) ? { url, secret: kept } : null
}

/** What stands in the file may be of a server that was killed. */
async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('select 1')
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}

async function refuseEmpty(folder: string): Promise<void> {
  if ((await read(join(folder, 'postgres', 'PG_VERSION'))) !== null) return
  throw new StartError(
    `There is no data in ${folder}. Start Tracemend once (npm start), or say where it is: TRACEMEND_DATA or DATABASE_URL.`,
  )
}

async function read(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null
    throw new StartError(`${path} can't be read: ${error.message}. Who runs the server may.`)
  })
}
