import { join } from 'node:path'
import { Client, escapeIdentifier, escapeLiteral } from 'pg'
import { StartError } from '../errors.ts'
import type { Logger } from './logger.ts'
import { findPostgresBinaries } from './postgres-binaries.ts'
import { ensureCluster } from './postgres-cluster.ts'
import { endOrphan } from './postgres-orphan.ts'
import { type PostgresServer, startPostgresServer } from './postgres-server.ts'
import { findLauncher, findServerUser } from './postgres-user.ts'
import { readOrCreateSecret } from './stored-secret.ts'

/**
 * A PostgreSQL of our own in a claimed data folder, for those who have none: made at the first start, found again at
 * the next, on 127.0.0.1 and a free port only, behind a random password that is kept in the folder. It starts after
 * anything that came before: a clean stop, a kill -9 of us or of it, an initdb cut short, a restart of the machine.
 * `url` is a role that owns the database `tracemend` and may make databases but is no superuser; `adminUrl` is one.
 * Nothing is written until the server that answers has shown that its data directory is ours.
 */
export interface EmbeddedPostgres {
  readonly url: string
  readonly adminUrl: string
  readonly pid: number
  /** Ends it in order, within 20 seconds at the worst. */
  stop(): Promise<void>
}

export interface EmbeddedPostgresOptions {
  /** Must be claimed by this process: see data-folder.ts. */
  folder: string
  logger: Logger
  port?: number
  settings?: Record<string, string>
  /** The server ended though nobody had asked it to. */
  onLost?: (reason: string) => void
}

const database = 'tracemend'
const role = 'tracemend'
const superuser = 'postgres'

const baseSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '128MB',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // The log names what happens to the server. Failed statements are reported by their client, and may quote payloads.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_checkpoints: 'off',
}

export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { folder, logger } = options
  const startedAt = performance.now()
  const dataDirectory = join(folder, 'postgres')
  const [binaries, user] = await Promise.all([findPostgresBinaries(), findServerUser(dataDirectory)])
  const launcher = await findLauncher(user, binaries.postgres, folder)
  const password = await readOrCreateSecret(folder, 'postgres.password')
  await ensureCluster({ dataDirectory, superuser, password, initdb: binaries.initdb, user, launcher, logger })
  await endOrphan({ dataDirectory, launcher, logger })
  const server = await startPostgresServer({
    postgres: binaries.postgres,
    launcher,
    dataDirectory,
    logFile: join(folder, 'postgres.log'),
    settings: { ...baseSettings, ...options.settings },
    port: options.port,
  })
  const urlOf = (user: string, name: string) =>
    `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${server.port}/${name}`
  const adminUrl = urlOf(superuser, 'postgres')
  try {
    await prepareDatabase(adminUrl, dataDirectory, password)
  } catch (error) {
    await server.stop()
    throw error
  }
  logger.info(
    { port: server.port, pid: server.pid, ms: Math.round(performance.now() - startedAt) },
    'PostgreSQL started',
  )
  return { url: urlOf(role, database), adminUrl, pid: server.pid, stop: watch(server, options) }
}

function watch(server: PostgresServer, { logger, onLost }: EmbeddedPostgresOptions): () => Promise<void> {
  let isWanted = true
  server.exited.then((reason) => {
    if (!isWanted) return
    logger.error({ pid: server.pid, reason }, 'PostgreSQL went away')
    onLost?.(reason)
  })
  return () => {
    isWanted = false
    return server.stop()
  }
}

async function prepareDatabase(adminUrl: string, dataDirectory: string, password: string): Promise<void> {
  const client = new Client({ connectionString: adminUrl })
  // A connection that breaks rejects the query at hand; without a listener it would also end the process.
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query(
      `select current_setting('data_directory') as directory,
        exists (select from pg_roles where rolname = $1) as "hasRole",
        exists (select from pg_database where datname = $2) as "hasDatabase"`,
      [role, database],
    )
    const { directory, hasRole, hasDatabase } = rows[0]
    if (directory !== dataDirectory)
      throw new StartError(`The PostgreSQL that answers works in ${directory}, not in ${dataDirectory}.`)
    if (!hasRole)
      await client.query(`create role ${escapeIdentifier(role)} login createdb password ${escapeLiteral(password)}`)
    if (!hasDatabase)
      await client.query(`create database ${escapeIdentifier(database)} owner ${escapeIdentifier(role)}`)
  } catch (error) {
    if ((error as { code?: string }).code !== '28P01') throw error
    throw new StartError(
      `PostgreSQL in ${dataDirectory} refuses the password in the file postgres.password beside it. Restore that file from a backup.`,
    )
  } finally {
    await client.end()
  }
}
