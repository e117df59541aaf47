import {
  type BackendFactory,
  Queue as BullQueue,
  createPostgresBackend,
  DEFAULT_SCHEMA,
  type PgPool,
  type PostgresConnectionOptions,
  type PostgresQueueBackend,
  runMigrations,
  Worker,
} from 'bullmq'
import pg from 'pg'
import { UnavailableError } from '../errors.ts'
import type { Logger } from './logger.ts'
import { createOutage, type Outage } from './outage.ts'
import { eventTail, type QueueBackend } from './queue-backend.ts'
import { isDoneWithin } from './time-limit.ts'

/**
 * BullMQ in the schema `bullmq` of our own database, on a small pool of its own: BullMQ's connections wait for
 * notifications and must not take those that answer requests. Every worker holds one connection for LISTEN.
 * BullMQ migrates its schema under its own advisory lock, so any number of processes may open an empty database.
 */
export interface PostgresQueueBackendOptions {
  databaseUrl: string
  /** How many workers will be started: each keeps a connection to itself. */
  workers: number
  logger: Logger
}

const sharedConnections = 4
const connectTimeoutMs = 5_000
const queryTimeoutMs = 30_000
const reconnectMs = 1_000
const farewellMs = 1_000

/** With TCP keepalive BullMQ would trust a silent connection for an hour; a notification may be lost for this long. */
const maximumBlockSeconds = 10

export async function openPostgresQueueBackend(options: PostgresQueueBackendOptions): Promise<QueueBackend> {
  const { databaseUrl, workers, logger } = options
  const outage = createOutage(logger, 'the database of the queue')
  const pool = new pg.Pool({
    connectionString: withSearchPath(databaseUrl),
    max: workers + sharedConnections,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: queryTimeoutMs,
    keepAlive: true,
    application_name: 'tracemend-queue',
  })
  const open = new Set<pg.PoolClient>()
  pool.on('connect', (client) => open.add(client))
  pool.on('remove', (client) => open.delete(client))
  pool.on('error', (error) => outage.began(error))

  async function close(): Promise<void> {
    outage.forget()
    const ended = pool.end()
    // What is still in use then belongs to a worker that could not be closed, or waits for a silent server.
    if (await isDoneWithin(farewellMs, ended)) return
    await isDoneWithin(farewellMs, Promise.all([ended, ...[...open].map((client) => client.end())]))
  }

  try {
    await migrate(pool)
  } catch (error) {
    await close()
    throw isOutage(error) ? new UnavailableError('The database of the queue does not answer.', error) : error
  }

  const connection = watchedPool(pool, outage)
  function report(error: Error): void {
    if (isOutage(error)) outage.began(error)
    else logger.warn({ err: error }, 'the queue reported an error')
  }

  return {
    openQueue(name) {
      const queue = new BullQueue(name, { connection, streams: eventTail }, backendFactory)
      return queue.on('error', report)
    },
    startWorker({ name, process, options }) {
      const worker = new Worker(name, process, { ...options, connection, runRetryDelay: reconnectMs }, backendFactory)
      return worker.on('error', report)
    },
    inTurn: (name, work) => lockedBy(connection, name, work),
    async ping() {
      await connection.query('select 1')
    },
    isOutage,
    close,
  }
}

async function migrate(pool: pg.Pool): Promise<void> {
  const client = await pool.connect()
  try {
    await runMigrations(client, DEFAULT_SCHEMA)
  } finally {
    client.release()
  }
}

async function lockedBy<Result>(connection: PgPool, name: string, work: () => Promise<Result>): Promise<Result> {
  const client = await connection.connect()
  let isLocked = false
  try {
    await client.query(`select pg_advisory_lock(hashtext('tracemend'), hashtext($1))`, [name])
    isLocked = true
    const result = await work()
    await client.query(`select pg_advisory_unlock(hashtext('tracemend'), hashtext($1))`, [name])
    isLocked = false
    return result
  } finally {
    // A connection that may still hold the lock is ended, and the lock with it.
    client.release(isLocked)
  }
}

const backendFactory: BackendFactory<PostgresQueueBackend, PostgresConnectionOptions> = (name, options, use) => {
  const backend = createPostgresBackend(name, options, use)
  return Object.defineProperty(backend, 'maximumBlockTimeout', { value: maximumBlockSeconds })
}

/**
 * BullMQ knows an outage only as ECONNREFUSED and takes everything else for the answer of a working database: a worker
 * would ask again at once, without end, and a job whose completion met a dying connection would count as failed.
 * So every way of not answering gets that code; then BullMQ waits and repeats what it was doing.
 */
function watchedPool(pool: pg.Pool, outage: Outage): PgPool {
  async function watch<Result>(work: Promise<Result>): Promise<Result> {
    try {
      const result = await work
      outage.ended()
      return result
    } catch (error) {
      if (!isOutage(error)) throw error
      outage.began(error)
      throw Object.assign(new Error('the database does not answer', { cause: error }), { code: 'ECONNREFUSED' })
    }
  }
  // As BullMQ sees a pool: the same thing, but for the types of event listeners.
  const bare = pool as unknown as PgPool
  const watched: PgPool = {
    query: (text, values) => watch(bare.query(text, values)),
    connect: () => watch(bare.connect()),
    end: async () => {},
    // Errors of idle connections are the pool owner's; each queue and worker would add a listener and never remove it.
    on: () => watched,
    removeAllListeners: () => watched,
  }
  return watched
}

/** The server was not reached, or it answered that it can't work now (classes 08, 53, 57P of its error codes). */
function isOutage(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return /^(08|53|57P)/.test(error.code ?? '')
  const { code, message } = error as { code?: string; message?: string }
  return /^E[A-Z]+$/.test(code ?? '') || /connect|timeout|terminated|not queryable/i.test(message ?? '')
}

/** In the URL, not beside it: there it would lose against options that the URL already has. */
function withSearchPath(databaseUrl: string): string {
  const url = new URL(databaseUrl)
  const options = url.searchParams.get('options')
  url.searchParams.set('options', `${options ? `${options} ` : ''}-c search_path=${DEFAULT_SCHEMA}`)
  return url.toString()
}
