import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

/**
 * Tells one life of a process id from the next: a pid together with the moment its process began. Whoever notes both
 * can ask later whether that very process still lives, and is not misled by a stranger who was given the same pid,
 * before or after a restart of the machine. A process that ended but was not yet collected by its parent is dead.
 */
export async function identityOf(pid: number): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
  if (stat === null) return process.platform === 'linux' ? null : identityFromPs(pid)
  // The second field is the program's name and may hold spaces and brackets: count from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, startTicks] = [fields[0], fields[19]]
  return state === 'Z' || state === 'X' ? 'ended' : `${startTicks}@${await bootId()}`
}

/** A process that can be seen to exist but not looked into (hidepid) counts as the same: rather refuse than share. */
export async function isAlive(pid: number, identity: string): Promise<boolean> {
  if (!exists(pid)) return false
  const current = await identityOf(pid)
  return current === null ? exists(pid) : current === identity
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim()
}

async function identityFromPs(pid: number): Promise<string | null> {
  const env = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }
  const ps = promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)], { env })
  return (await ps.catch(() => null))?.stdout.trim() || null
}
