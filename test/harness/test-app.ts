import { type RedisServer, startRedis } from '../../scripts/redis-server.ts'
import { createApp } from '../../src/app.ts'
import { type Config, type Limits, type ModelSettings, readConfig } from '../../src/config.ts'
import { createClosers } from '../../src/infra/closers.ts'
import { openDatabase } from '../../src/infra/database.ts'
import type { Queue } from '../../src/infra/queue.ts'
import { openResources } from '../../src/resources.ts'
import { formatApiKey, mintKey } from '../../src/tenants/api-key.ts'
import { runWorkers } from '../../workers/run.ts'
import { createDatabase, type TestDatabase } from './database.ts'
import { createGraphQLClient, type GraphQLClient } from './graphql-client.ts'
import { appClosed, appOpened } from './leaks.ts'
import { type RecordedLog, recordLog } from './recorded-log.ts'

/** What several apps of one test share: a database, and in the second round a Redis. */
export interface TestBackend {
  database: TestDatabase
  redis: RedisServer | null
  secret: Buffer
  /** The key of the default tenant, with every scope. */
  operatorKey: string
  close(): Promise<void>
}

export interface TestApp {
  url: string
  backend: TestBackend
  log: RecordedLog
  services: ReturnType<typeof createApp>['services']
  queue: Queue
  /** Speaks with the operator's key, unless another is given. */
  client(key?: string | null): GraphQLClient
  /** Resolves when what was asked for before has been done, jobs included. */
  drain(): Promise<void>
  close(): Promise<void>
}

export interface TestAppOptions {
  /** Another app's, to run beside it. */
  backend?: TestBackend
  limits?: Partial<Limits>
  config?: Partial<Config>
  models?: Partial<ModelSettings>
  workers?: boolean
  /** No wake-up ever reaches it: what it hears of, it has looked up. */
  isDeaf?: boolean
}

export async function createBackend(): Promise<TestBackend> {
  const [database, redis] = await Promise.all([
    createDatabase(),
    process.env.TEST_WITH === 'redis' ? startRedis() : null,
  ])
  return {
    database,
    redis,
    secret: Buffer.alloc(32, 7),
    operatorKey: formatApiKey(mintKey()),
    async close() {
      await database.drop()
      await redis?.stop()
    },
  }
}

/** The whole product in this process, put together as `npm start` does it, on a database of its own. */
export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const backend = options.backend ?? (await createBackend())
  const log = recordLog()
  const closers = createClosers(log.logger)
  if (!options.backend) closers.add('backend', () => backend.close(), 30_000)
  const config = configOf(backend, options)
  const { logger } = log
  const database = await openDatabase({ config, logger, closers, onLost: () => {} })
  const resources = await openResources({ config, logger, closers, database, onFirstKey: () => {} })
  if (options.isDeaf) resources.bus = { ...resources.bus, listen: () => () => {} }
  const context = { config, logger, closers, resources }
  const app = createApp(context)
  if (options.workers) await runWorkers(context, app.services)
  const url = await app.listen()
  appOpened()

  return {
    url,
    backend,
    log,
    services: app.services,
    queue: resources.queue,
    client: (key = backend.operatorKey) => createGraphQLClient(url, key),
    drain: () => app.drain(),
    async close() {
      await closers.close()
      const failures = log.said('could not be released')
      if (failures.length > 0) throw new Error(`not everything was released: ${JSON.stringify(failures)}`)
      await appClosed()
    },
  }
}

function configOf({ database, redis, secret, operatorKey }: TestBackend, options: TestAppOptions): Config {
  const defaults = readConfig({ PORT: '0' })
  return {
    ...defaults,
    databaseUrl: database.url,
    redisUrl: redis?.url ?? null,
    secret,
    operatorKey,
    ...options.config,
    limits: { ...defaults.limits, ...options.limits },
    models: { ...defaults.models, ...options.models },
  }
}
