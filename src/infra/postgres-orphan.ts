import { execFile } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { StartError } from '../errors.ts'
import type { Logger } from './logger.ts'
import type { Launcher } from './postgres-user.ts'

/**
 * After a `kill -9` of ours PostgreSQL lives on, without anybody who would stop it. Whoever holds the claim on the
 * folder knows that no living owner exists, so a server on its data directory is an orphan and is taken down: politely,
 * then at once, then by force; PostgreSQL recovers from each. Its pid alone proves nothing (another process may have
 * been given it since): only a process that works in this very directory is touched.
 */
export async function endOrphan(held: Held): Promise<void> {
  const { dataDirectory, logger } = held
  const noted = await notedPostmaster(dataDirectory)
  if (noted === null) return
  const servers = await serversOf(held, noted)
  if (servers.length > 0) {
    logger.warn({ dataDirectory, pids: servers }, 'taking down the PostgreSQL that a killed process left behind')
    await takeDown(held, noted)
  } else if (isPidInUse(noted)) {
    // PostgreSQL would take the stranger for a server that still runs here, if they have the same user.
    logger.info({ pid: noted }, 'postmaster.pid names a process that is no PostgreSQL of ours: removed')
    await rm(join(dataDirectory, 'postmaster.pid'), { force: true })
  }
}

interface Held {
  dataDirectory: string
  launcher: Launcher
  logger: Logger
}

async function takeDown(held: Held, postmaster: number): Promise<void> {
  const stages = [
    { signal: 'SIGINT', waitMs: 5_000 },
    { signal: 'SIGQUIT', waitMs: 5_000 },
    { signal: 'SIGKILL', waitMs: 5_000 },
  ] as const
  for (const { signal, waitMs } of stages) {
    const deadline = performance.now() + waitMs
    const servers = await serversOf(held, postmaster)
    // The postmaster ends its own; those whose postmaster is already dead must be told one by one.
    const told = servers.includes(postmaster) && signal !== 'SIGKILL' ? [postmaster] : servers
    for (const pid of told) send(pid, signal === 'SIGINT' && pid !== postmaster ? 'SIGTERM' : signal)
    while (performance.now() < deadline) {
      if ((await serversOf(held, postmaster)).length === 0) return
      await delay(10)
    }
  }
  throw new StartError(
    `A PostgreSQL (process ${postmaster}) still runs on ${held.dataDirectory} and can't be ended. End it by hand, or set TRACEMEND_DATA to another folder.`,
  )
}

async function notedPostmaster(dataDirectory: string): Promise<number | null> {
  const text = await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8').catch(() => '')
  const pid = Number.parseInt(text, 10)
  return pid > 0 ? pid : null
}

/**
 * A server's working directory is its data directory, also after the folder was moved. In a container not even root may
 * see where another user's process works, but that user may, so it is asked to look.
 */
async function serversOf({ dataDirectory, launcher }: Held, noted: number): Promise<number[]> {
  if (process.platform !== 'linux') return (await psShowsServer(noted, dataDirectory)) ? [noted] : []
  const script = `cd /proc; for pid in [0-9]*; do
    [ "$pid/cwd" -ef "$1" ] && read -r name < "$pid/comm" && [ "$name" = postgres ] && echo "$pid"
  done; true`
  const { program, args, options } = launcher.prepare('/bin/sh', ['-c', script, 'sh', dataDirectory])
  const { stdout } = await promisify(execFile)(program, args, options)
  return String(stdout).split('\n').filter(Boolean).map(Number)
}

async function psShowsServer(pid: number, dataDirectory: string): Promise<boolean> {
  const ps = promisify(execFile)('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { env: { PATH: '/usr/bin:/bin' } })
  const command = (await ps.catch(() => null))?.stdout ?? ''
  return command.includes('postgres') && command.includes(dataDirectory)
}

function isPidInUse(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // Gone already, or not ours to end: whether any is left is looked at again.
  }
}
