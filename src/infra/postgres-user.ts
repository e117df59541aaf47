import { execFile, type SpawnOptions } from 'node:child_process'
import { lstat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { StartError } from '../errors.ts'

/**
 * PostgreSQL refuses to run as root. Started by root, it runs as whoever owns its data, or, before there is data, as
 * the system user `postgres`, who is made if absent. That user may be unable to come to the programs or to the data,
 * because they stand below a folder that only root may enter; then it is given the one capability that lets it pass
 * (and read), and nothing else of root's powers. Anybody else just runs it.
 */
export interface Launcher {
  major: number
  prepare(program: string, args: string[]): { program: string; args: string[]; options: SpawnOptions }
}

export interface ServerUser {
  uid: number
  gid: number
}

// Nothing of our own environment: PGDATA, PGOPTIONS or a locale would be obeyed. Messages are matched in English.
const env = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C' }
const run = promisify(execFile)

export async function findServerUser(dataDirectory: string): Promise<ServerUser | null> {
  if (process.getuid?.() !== 0) return null
  const owner = await lstat(dataDirectory).catch(() => null)
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  const user = (await findSystemUser('postgres')) ?? (await createSystemUser('postgres'))
  // Data that was copied or restored by root.
  if (owner) await run('chown', ['-R', `${user.uid}:${user.gid}`, dataDirectory], { env })
  return user
}

async function findSystemUser(name: string): Promise<ServerUser | null> {
  try {
    const [uid, gid] = await Promise.all(['-u', '-g'].map((what) => run('id', [what, name], { env })))
    return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) }
  } catch {
    return null
  }
}

async function createSystemUser(name: string): Promise<ServerUser> {
  const home = ['--no-create-home', '--home-dir', '/nonexistent', '--shell', '/usr/sbin/nologin']
  let cause: unknown
  try {
    await run('groupadd', ['--system', '--force', name], { env })
    await run('useradd', ['--system', '--gid', name, ...home, name], { env })
  } catch (error) {
    // Another process may have made the user at the same time; what counts is whether it is there.
    cause = error
  }
  const user = await findSystemUser(name)
  if (user) return user
  throw new StartError(
    `PostgreSQL can't run as root, and the system user "${name}" for it could not be made. ` +
      'Start as an ordinary user, make that user, or set DATABASE_URL to a PostgreSQL of your own.',
    { cause },
  )
}

/** Finds by trying how the user can enter the folder and run the program, with as few rights as will do. */
export async function findLauncher(user: ServerUser | null, postgres: string, folder: string): Promise<Launcher> {
  const ways = user
    ? [asUser(user), withCapability(user, 'dac_read_search'), withCapability(user, 'dac_override')]
    : [asSelf]
  const failures: string[] = []
  for (const prepare of ways) {
    // `cd` in a shell, since Node itself would change folder while it is still root.
    const script = ['-c', 'cd "$1" && test -x "$2" && exec "$2" --version', 'sh', folder, postgres]
    const { program, args, options } = prepare('/bin/sh', script)
    try {
      const { stdout } = await run(program, args, options)
      return { prepare, major: Number(/(\d+)/.exec(stdout)?.[1]) }
    } catch (error) {
      failures.push((error as { stderr?: string }).stderr?.trim() || (error as Error).message)
    }
  }
  throw new StartError(
    `PostgreSQL (${postgres}) can't be run${user ? ` as user ${user.uid}` : ''} in ${folder}: ${failures.join('; ')}. ` +
      'Set TRACEMEND_DATA to another folder, or DATABASE_URL to a PostgreSQL of your own.',
  )
}

type Prepare = Launcher['prepare']

const asSelf: Prepare = (program, args) => ({ program, args, options: { cwd: '/', env } })

function asUser({ uid, gid }: ServerUser): Prepare {
  return (program, args) => ({ program, args, options: { cwd: '/', env, uid, gid } })
}

/**
 * Docker grants root dac_override but not dac_read_search, which would be enough; hence the two attempts.
 * no_setuid_fixup: PostgreSQL asks access(2) whether it may run its own programs, and without that bit access(2)
 * answers as if a user other than root never had capabilities.
 */
function withCapability({ uid, gid }: ServerUser, capability: string): Prepare {
  const only = `-all,+${capability}`
  const limits = [`--inh-caps=${only}`, `--ambient-caps=${only}`, `--bounding-set=${only}`]
  const user = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--no-new-privs', '--securebits=+no_setuid_fixup']
  return (program, args) => ({
    program: 'setpriv',
    args: [...user, ...limits, program, ...args],
    options: { cwd: '/', env },
  })
}
