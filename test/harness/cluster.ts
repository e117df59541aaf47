import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../../src/infra/embedded-postgres.ts'
import { createLogger } from '../../src/infra/logger.ts'
import { migrate } from '../../src/infra/migrate.ts'

export interface Cluster {
  url: string
  stop(): Promise<void>
}

/** A migrated database in a PostgreSQL where nobody else is: the horizon of transactions is that of the whole cluster. */
export async function startCluster(more: Record<string, string> = {}): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), 'tracemend-cluster-'))
  const logger = createLogger('warn')
  const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', autovacuum: 'off', ...more }
  const postgres = await startEmbeddedPostgres({ folder, logger, settings })
  await migrate(postgres.url, logger)
  return {
    url: postgres.url,
    async stop() {
      await postgres.stop()
      await rm(folder, { recursive: true })
    },
  }
}
