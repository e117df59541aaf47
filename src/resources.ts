import type { Pool } from 'pg'
import type { Config } from './config.ts'
import { StartError } from './errors.ts'
import type { PrismaClient } from './generated/prisma/client.ts'
import { type Bus, createBus } from './infra/bus.ts'
import type { Closers } from './infra/closers.ts'
import { claimDataFolder } from './infra/data-folder.ts'
import { startEmbeddedPostgres } from './infra/embedded-postgres.ts'
import type { Logger } from './infra/logger.ts'
import { migrate } from './infra/migrate.ts'
import { createPool, waitForDatabase } from './infra/postgres.ts'
import { createPrisma } from './infra/prisma.ts'
import { createQueue, type Queue } from './infra/queue.ts'
import { createSecretBox, type SecretBox } from './infra/secret-box.ts'
import { readOrCreateSecret } from './infra/stored-secret.ts'
import { createApiKeyRepository } from './tenants/api-key.repository.ts'
import { prepareFirstTenant } from './tenants/first-tenant.service.ts'
import { retainTenants, retainTenantsAt } from './tenants/tenant.jobs.ts'
import { createTenantRepository } from './tenants/tenant.repository.ts'

/** What every process of ours stands on, API and worker alike; opened in this order, closed in the reverse. */
export interface Resources {
  databaseUrl: string
  pool: Pool
  prisma: PrismaClient
  queue: Queue
  bus: Bus
  secretBox: SecretBox
  /** The whole first key, where this start has made it. */
  firstKey: string | null
}

interface Process {
  config: Config
  logger: Logger
  closers: Closers
  /** What the process stands on is gone for good: it has to end. */
  onLost: (reason: string) => void
}

/** Every job there is. */
const jobs = [retainTenants]

export async function openResources({ config, logger, closers, onLost }: Process): Promise<Resources> {
  const { databaseUrl, secret } = await openDatabase({ config, logger, closers, onLost })
  const secretBox = createSecretBox(secret)
  const pool = createPool({ databaseUrl, operationMs: config.limits.operationMs, logger })
  closers.add('database pool', () => pool.end())
  const prisma = createPrisma(pool)
  closers.add('Prisma', () => prisma.$disconnect())

  let firstKey: string | null = null
  const first = { tenants: createTenantRepository(prisma), keys: createApiKeyRepository(prisma, pool), secretBox }
  await migrate(databaseUrl, logger, async () => {
    firstKey = await prepareFirstTenant({ ...first, onWarning: (message) => logger.warn(message) }, config.operatorKey)
  })

  const { redisUrl } = config
  const queue = await createQueue({ databaseUrl, redisUrl, logger, jobs })
  closers.add('queue', () => queue.close())
  await queue.schedule(retainTenants, {}, { pattern: retainTenantsAt })
  const bus = await createBus({ databaseUrl, redisUrl, logger })
  closers.add('bus', () => bus.close())
  return { databaseUrl, pool, prisma, queue, bus, secretBox, firstKey }
}

/** The database that the configuration names, or one of our own in the data folder. */
async function openDatabase({
  config,
  logger,
  closers,
  onLost,
}: Process): Promise<{ databaseUrl: string; secret: Buffer }> {
  if (config.databaseUrl) {
    if (!config.secret) throw new StartError('TRACEMEND_SECRET is required with DATABASE_URL.')
    await waitForDatabase(config.databaseUrl, config.databaseWaitMs, logger)
    return { databaseUrl: config.databaseUrl, secret: config.secret }
  }
  const folder = await claimDataFolder(config.dataFolder)
  closers.add('data folder', () => folder.release())
  const secret = config.secret ?? Buffer.from(await readOrCreateSecret(folder.path), 'base64')
  const postgres = await startEmbeddedPostgres({ folder: folder.path, logger, onLost })
  closers.add('PostgreSQL', () => postgres.stop(), 25_000)
  return { databaseUrl: postgres.url, secret }
}
