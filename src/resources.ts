import type { Pool } from 'pg'
import type { Config } from './config.ts'
import { trimFeed, trimFeedAt } from './feed/feed.jobs.ts'
import type { PrismaClient } from './generated/prisma/client.ts'
import { type Bus, createBus } from './infra/bus.ts'
import type { Closers } from './infra/closers.ts'
import type { Database } from './infra/database.ts'
import type { Logger } from './infra/logger.ts'
import { migrate } from './infra/migrate.ts'
import { createIngestPool, createPool } from './infra/postgres.ts'
import { createPrisma } from './infra/prisma.ts'
import { createQueue, type Queue } from './infra/queue.ts'
import { createSecretBox, type SecretBox } from './infra/secret-box.ts'
import { runPlayground, sweepRuns, sweepRunsEveryMs } from './playground/playground.jobs.ts'
import { createLedgerKeyRepository } from './reasoning/ledger-key.repository.ts'
import { createLedgerKeyBox } from './reasoning/ledger-key.service.ts'
import { embedReasoning, embedReasoningEveryMs, indexMeanings, indexMeaningsAt } from './reasoning/reasoning.jobs.ts'
import { createApiKeyRepository } from './tenants/api-key.repository.ts'
import { prepareFirstTenant } from './tenants/first-tenant.service.ts'
import { retainTenants, retainTenantsAt } from './tenants/tenant.jobs.ts'
import { createTenantRepository } from './tenants/tenant.repository.ts'
import { indexTraces, indexTracesAt } from './traces/trace.jobs.ts'

/** What every process of ours stands on, API and worker alike; opened in this order, closed in the reverse. */
export interface Resources {
  databaseUrl: string
  pool: Pool
  ingestPool: Pool
  prisma: PrismaClient
  queue: Queue
  bus: Bus
  secretBox: SecretBox
  /** The whole first key, where this start has made it. */
  firstKey: string | null
}

interface ResourcesOptions {
  config: Config
  logger: Logger
  closers: Closers
  database: Database
  /** Has to say it at once: it is the only chance, and what comes after may fail. */
  onFirstKey: (key: string) => void
}

/** Every job there is. */
const jobs = [retainTenants, trimFeed, indexTraces, runPlayground, sweepRuns, embedReasoning, indexMeanings]

export async function openResources(given: ResourcesOptions): Promise<Resources> {
  const { config, logger, closers, database } = given
  const { url: databaseUrl } = database
  const secretBox = createSecretBox(database.secret)
  const poolOptions = { databaseUrl, operationMs: config.limits.operationMs, logger }
  const pool = createPool(poolOptions)
  closers.add('database pool', () => pool.end())
  const ingestPool = createIngestPool(poolOptions)
  closers.add('database pool of ingest', () => ingestPool.end())
  const prisma = createPrisma(pool)
  closers.add('Prisma', () => prisma.$disconnect())

  let firstKey: string | null = null
  const tenants = createTenantRepository(prisma)
  const keys = createApiKeyRepository(prisma, pool)
  function onFirstKey(key: string): void {
    firstKey = key
    given.onFirstKey(key)
  }
  const onWarning = (message: string) => logger.warn(message)
  await migrate(databaseUrl, logger, async () => {
    const first = await prepareFirstTenant({ tenants, keys, secretBox, onWarning, onFirstKey }, config.operatorKey)
    await createLedgerKeyRepository(pool).ensureKey(first.id, createLedgerKeyBox({ secretBox }))
  })

  const { redisUrl } = config
  const queue = await createQueue({ databaseUrl, redisUrl, logger, jobs })
  closers.add('queue', () => queue.close())
  await queue.schedule(retainTenants, {}, { pattern: retainTenantsAt })
  await queue.schedule(trimFeed, {}, { pattern: trimFeedAt })
  await queue.schedule(indexTraces, {}, { pattern: indexTracesAt })
  await queue.schedule(sweepRuns, {}, { everyMs: sweepRunsEveryMs })
  await queue.schedule(embedReasoning, {}, { everyMs: embedReasoningEveryMs })
  await queue.schedule(indexMeanings, {}, { pattern: indexMeaningsAt })
  const bus = await createBus({ databaseUrl, redisUrl, logger })
  closers.add('bus', () => bus.close())
  return { databaseUrl, pool, ingestPool, prisma, queue, bus, secretBox, firstKey }
}
