import { Redis } from 'ioredis'
import pg from 'pg'
import { findRedisServer, startRedis } from '../../scripts/redis-server.ts'
import { createEmptyDatabase } from './database.ts'
import { type Line, startLineTo } from './line.ts'
import { until } from './until.ts'

/** What queue and bus stand on, so that one suite runs on each. */
export interface TestBackend {
  options: { databaseUrl: string; redisUrl: string | null }
  /** All that is in `options` goes over this line. */
  line: Line
  /** The same place, past the line. */
  direct: TestBackend['options']
  /** Ends every connection from the other side; resolves when new ones are accepted. */
  restart(): Promise<void>
  /** Resolves when nobody is connected any more. */
  isLeftAlone(): Promise<void>
  stop(): Promise<void>
}

export interface BackendKind {
  name: string
  isMissing: boolean
  start(): Promise<TestBackend>
}

/** Where there is a Redis, queue and bus must not ask the database. */
const noDatabase = 'postgres://nobody@127.0.0.1:9/none'

const hasRedis = findRedisServer() !== null

export const backendKinds: readonly BackendKind[] = [
  { name: 'on PostgreSQL', isMissing: false, start: startOnPostgres },
  {
    name: hasRedis ? 'on Redis' : 'on Redis: SKIPPED, because there is no redis-server in PATH',
    isMissing: !hasRedis,
    start: startOnRedis,
  },
]

async function startOnPostgres(): Promise<TestBackend> {
  const database = await createEmptyDatabase()
  const { line, url } = await startLineTo(database.url)
  const others = 'from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()'

  async function ask<Row extends pg.QueryResultRow>(sql: string): Promise<Row[]> {
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    try {
      return (await client.query<Row>(sql)).rows
    } finally {
      await client.end()
    }
  }

  return {
    options: { databaseUrl: url, redisUrl: null },
    line,
    direct: { databaseUrl: database.url, redisUrl: null },
    async restart() {
      await ask(`select pg_terminate_backend(pid) ${others}`)
    },
    async isLeftAlone() {
      await until(async () => (await ask(`select 1 ${others} and backend_type = 'client backend'`)).length === 0)
    },
    async stop() {
      await line.close()
      await database.drop()
    },
  }
}

async function startOnRedis(): Promise<TestBackend> {
  let redis = await startRedis()
  const { url: direct, port } = redis
  const { line, url } = await startLineTo(direct)

  async function countClients(): Promise<number> {
    const client = new Redis(direct)
    try {
      return (
        String(await client.client('LIST'))
          .trim()
          .split('\n').length - 1
      )
    } finally {
      client.disconnect()
    }
  }

  return {
    options: { databaseUrl: noDatabase, redisUrl: url },
    line,
    direct: { databaseUrl: noDatabase, redisUrl: direct },
    async restart() {
      await redis.kill()
      redis = await startRedis({ port })
    },
    async isLeftAlone() {
      await until(async () => (await countClients()) === 0)
    },
    async stop() {
      await line.close()
      await redis.stop()
    },
  }
}
