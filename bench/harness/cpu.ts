import { readdir, readFile } from 'node:fs/promises'

const msPerTick = 10

/** CPU time of a process so far. Not a number where the system doesn't tell. */
export async function cpuMsOf(pid: number): Promise<number> {
  const { own } = await readTimes(pid)
  return own * msPerTick
}

/** CPU time of a PostgreSQL so far: of its first process and of all that it has started, the ended ones too. */
export async function cpuMsOfPostgres(pid: number): Promise<number> {
  const pids = await readdir('/proc').catch(() => [])
  const all = await Promise.all(pids.filter((name) => /^\d+$/.test(name)).map((name) => readTimes(Number(name))))
  const children = all.filter(({ parent }) => parent === pid).reduce((sum, { own }) => sum + own, 0)
  const { own, ended } = await readTimes(pid)
  return (own + ended + children) * msPerTick
}

async function readTimes(pid: number): Promise<{ parent: number; own: number; ended: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '')
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const at = (index: number) => fields[index] ?? Number.NaN
  return { parent: at(1), own: at(11) + at(12), ended: at(13) + at(14) }
}
