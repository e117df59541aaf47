import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { claimDataFolder } from '../../src/infra/data-folder.ts'
import { startEmbeddedPostgres } from '../../src/infra/embedded-postgres.ts'
import { createLogger } from '../../src/infra/logger.ts'
import { migrate } from '../../src/infra/migrate.ts'

/**
 * A PostgreSQL of the test's own: it may go away and come back without harm to others, and nobody else is in it who
 * could hold the horizon of transactions, which is that of the whole cluster.
 */
export interface TestPostgres {
  url: string
  /** The superuser's, to the database `postgres`. */
  adminUrl: string
  /** Ends every connection, and refuses new ones for a while. */
  restart(meanwhile?: () => Promise<void>): Promise<void>
  /** Ends it as a power cut does, and starts it again. */
  crash(): Promise<void>
  end(): Promise<void>
}

interface TestPostgresOptions {
  settings?: Record<string, string>
  /** Otherwise the database is empty. */
  isMigrated?: boolean
}

/** For many short transactions: it neither waits for the disk nor begins any of its own. */
export const swiftSettings = { synchronous_commit: 'off', full_page_writes: 'off', autovacuum: 'off' }

export async function createPostgres({ settings, isMigrated }: TestPostgresOptions = {}): Promise<TestPostgres> {
  const parent = await realpath(await mkdtemp(join(tmpdir(), 'tracemend-postgres-')))
  // Where we are root, PostgreSQL runs as another user and has to get in.
  await chmod(parent, 0o755)
  const folder = await claimDataFolder(join(parent, 'data'))
  const logger = createLogger('silent')
  const start = (port?: number) =>
    startEmbeddedPostgres({
      folder: folder.path,
      logger,
      settings: { fsync: 'off', ...settings },
      ...(port && { port }),
    })
  let postgres = await start()
  const { url, adminUrl } = postgres
  if (isMigrated) await migrate(url, logger)
  return {
    url,
    adminUrl,
    async restart(meanwhile = async () => {}) {
      await postgres.stop()
      await meanwhile()
      postgres = await start(Number(new URL(url).port))
    },
    async crash() {
      process.kill(postgres.pid, 'SIGQUIT')
      // Stopping what has stopped waits until it has.
      await postgres.stop()
      postgres = await start(Number(new URL(url).port))
    },
    async end() {
      await postgres.stop()
      await folder.release()
      await rm(parent, { recursive: true, maxRetries: 5 })
    },
  }
}
