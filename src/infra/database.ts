import type { Config } from '../config.ts'
import { StartError } from '../errors.ts'
import type { Closers } from './closers.ts'
import { claimDataFolder } from './data-folder.ts'
import { startEmbeddedPostgres } from './embedded-postgres.ts'
import type { Logger } from './logger.ts'
import { waitForDatabase } from './postgres.ts'
import { readOrCreateSecret } from './stored-secret.ts'

/** A PostgreSQL that answers, not yet migrated, and the key for what is stored encrypted in it. */
export interface Database {
  url: string
  secret: Buffer
}

export interface DatabaseOptions {
  config: Config
  logger: Logger
  closers: Closers
  /** What the process stands on is gone for good: it has to end. */
  onLost: (reason: string) => void
}

/** An embedded one needs up to this long to start, and then to stop, when it is to end in the middle of its start. */
const endWithinMs = 60_000

/** The database that the configuration names, or one of our own in the data folder. */
export async function openDatabase({ config, logger, closers, onLost }: DatabaseOptions): Promise<Database> {
  if (config.databaseUrl) {
    if (!config.secret) throw new StartError('TRACEMEND_SECRET is required with DATABASE_URL.')
    await waitForDatabase(config.databaseUrl, config.databaseWaitMs, logger)
    return { url: config.databaseUrl, secret: config.secret }
  }
  const folder = await closers.acquire({
    name: 'data folder',
    acquire: () => claimDataFolder(config.dataFolder),
    release: (claimed) => claimed.release(),
  })
  const secret = config.secret ?? Buffer.from(await readOrCreateSecret(folder.path), 'base64')
  const { url } = await closers.acquire({
    name: 'PostgreSQL',
    acquire: () => startEmbeddedPostgres({ folder: folder.path, logger, onLost }),
    release: (postgres) => postgres.stop(),
    timeoutMs: endWithinMs,
  })
  return { url, secret }
}
