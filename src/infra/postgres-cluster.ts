import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chown, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { StartError } from '../errors.ts'
import type { Logger } from './logger.ts'
import type { Launcher, ServerUser } from './postgres-user.ts'
import { syncFolder } from './stored-secret.ts'

/**
 * Makes the data directory of a PostgreSQL that never had one. It is made aside, in a folder with a name of its own,
 * and moved into place in one step, so a directory in place is always whole; what a crash left unfinished is thrown
 * away at the next start, and a forgotten initdb that is still at work can't write into the new attempt.
 */
export interface Cluster {
  dataDirectory: string
  superuser: string
  password: string
  initdb: string
  user: ServerUser | null
  launcher: Launcher
  logger: Logger
}

export async function ensureCluster(cluster: Cluster): Promise<void> {
  await removeUnfinished(cluster)
  const version = await readFile(join(cluster.dataDirectory, 'PG_VERSION'), 'utf8').catch(noFile)
  if (version === null) return createCluster(cluster)
  if (Number(version) === cluster.launcher.major) return
  throw new StartError(
    `The data in ${cluster.dataDirectory} was written by PostgreSQL ${version.trim()}, and this release brings ` +
      `PostgreSQL ${cluster.launcher.major}. Dump it with the release that wrote it, or set TRACEMEND_DATA to another folder.`,
  )
}

async function createCluster(cluster: Cluster): Promise<void> {
  const { dataDirectory, user, password, logger } = cluster
  const folder = dirname(dataDirectory)
  const workshop = `${unfinishedPrefix(dataDirectory)}${randomUUID()}`
  const passwordFile = join(workshop, 'password')
  const startedAt = performance.now()
  try {
    await mkdir(workshop, { mode: 0o700 })
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
    if (user) await Promise.all([workshop, passwordFile].map((path) => chown(path, user.uid, user.gid)))
    await initialize(cluster, join(workshop, 'data'), passwordFile)
    await rename(join(workshop, 'data'), dataDirectory).catch((error: NodeJS.ErrnoException) => {
      throw new StartError(
        `${dataDirectory} is there but is no PostgreSQL data directory (${error.code}). Move it away.`,
      )
    })
    await syncFolder(folder)
  } finally {
    await rm(workshop, { recursive: true, force: true })
  }
  logger.info({ dataDirectory, ms: Math.round(performance.now() - startedAt) }, 'PostgreSQL data directory created')
}

/**
 * Text is ordered by its bytes and upper and lower case are Unicode's, whatever the machine has installed: PostgreSQL's
 * own C.UTF-8. pg_trgm still asks the machine what a letter is, and with plain C drops every one beyond ASCII;
 * hence C.UTF-8 there too, where the machine knows it.
 */
async function initialize({ initdb, launcher, superuser }: Cluster, target: string, passwordFile: string) {
  const args = [`--pgdata=${target}`, `--username=${superuser}`, `--pwfile=${passwordFile}`, '--auth=scram-sha-256']
  args.push(
    '--encoding=UTF8',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
    '--no-instructions',
  )
  for (const letters of ['C.UTF-8', 'C']) {
    const call = launcher.prepare(initdb, [...args, `--lc-ctype=${letters}`])
    try {
      await promisify(execFile)(call.program, call.args, call.options)
      return
    } catch (error) {
      const { stderr = '', message } = error as Error & { stderr?: string }
      if (letters !== 'C' && stderr.includes('invalid locale')) continue
      throw new StartError(`PostgreSQL could not create its data in ${target}: ${stderr.trim() || message}`, {
        cause: error,
      })
    }
  }
}

const unfinishedPrefix = (dataDirectory: string) => `${dataDirectory}.unfinished-`

async function removeUnfinished({ dataDirectory, logger }: Cluster): Promise<void> {
  const folder = dirname(dataDirectory)
  const names = await readdir(folder)
  for (const name of names.filter((each) => each.startsWith(basename(unfinishedPrefix(dataDirectory))))) {
    logger.warn({ path: join(folder, name) }, 'removing a data directory whose creation was interrupted')
    const removed = rm(join(folder, name), { recursive: true, force: true, maxRetries: 3 })
    await removed.catch((error) => logger.warn({ err: error }, 'could not be removed'))
  }
}

function noFile(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null
  throw new StartError(`PostgreSQL's data directory can't be read: ${error.message}.`, { cause: error })
}
