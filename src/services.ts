import type { Pool } from 'pg'
import { createWakeupSource } from './feed/wakeups.ts'
import type { PrismaClient } from './generated/prisma/client.ts'
import type { Bus } from './infra/bus.ts'
import type { Closers } from './infra/closers.ts'
import type { Logger } from './infra/logger.ts'
import { createApiKeyRepository } from './tenants/api-key.repository.ts'
import { createApiKeyService } from './tenants/api-key.service.ts'
import { createAuthenticationService } from './tenants/authentication.service.ts'
import { createKeyWatch } from './tenants/key-watch.service.ts'
import { createLastUsed } from './tenants/last-used.service.ts'
import { createRetentionService } from './tenants/retention.service.ts'
import type { RetentionRule } from './tenants/retention.ts'
import { createTenantRepository } from './tenants/tenant.repository.ts'
import { createTenantService } from './tenants/tenant.service.ts'
import { createUsageRepository } from './tenants/usage.repository.ts'
import { createViewerService } from './tenants/viewer.service.ts'

export type Services = ReturnType<typeof createServices>

interface Dependencies {
  prisma: PrismaClient
  pool: Pool
  bus: Bus
  logger: Logger
  closers: Closers
}

/** How long a lost wake-up can delay what a subscriber hears. */
const pollMs = 5_000

/** Repositories and services, put together by hand; the order is that of the domains' ladder. */
export function createServices({ prisma, pool, bus, logger, closers }: Dependencies) {
  const onError = (error: unknown) => logger.warn({ err: error }, 'work in the background failed; it is tried again')
  const wakeups = createWakeupSource({ bus, pollMs })

  const tenants = createTenantRepository(prisma)
  const keys = createApiKeyRepository(prisma, pool)
  const usage = createUsageRepository(prisma)

  const lastUsed = createLastUsed({ keys, onError })
  closers.add('last use of keys', () => lastUsed.close())
  const keyWatch = createKeyWatch({ keys, bus, onError })
  closers.add('key watch', () => keyWatch.close())
  const authentication = createAuthenticationService({ keys, lastUsed, bus })
  closers.add('authentication', () => authentication.close())

  const rules: RetentionRule[] = [{ name: 'ended API keys', removeBefore: keys.removeEndedKeys }]
  const onRemoved = (removed: object) => logger.info(removed, 'retention removed rows')

  return {
    authentication,
    keyWatch,
    lastUsed,
    viewer: createViewerService({ tenants, keys, usage, wakeups }),
    tenants: createTenantService({ tenants, bus }),
    apiKeys: createApiKeyService({ keys, bus }),
    retention: createRetentionService({ tenants, rules, onRemoved }),
  }
}
