import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Product } from './product.ts'

/**
 * What the processes of a product take. Its PostgreSQL is counted apart, by PSS where the system tells it: its
 * processes share most of what they map, and their RSS would count that once for each.
 */
export async function measureMemory(product: Product) {
  const all = await listProcesses()
  const postgres = familyOf(product.postgresPid, all)
  const others = familyOf(product.pid, all).filter((each) => each.pid !== product.pid && !postgres.includes(each))
  const pss = await Promise.all(postgres.map(({ pid }) => pssOf(pid)))
  return {
    rssMb: megabytes(all.filter(({ pid }) => pid === product.pid)),
    postgresPssMb: pss.some((kb) => kb !== null) ? toMb(sum(pss.map((kb) => kb ?? 0))) : null,
    postgresRssMb: megabytes(postgres),
    postgresProcesses: postgres.length,
    otherRssMb: megabytes(others),
    otherProcesses: others.map(({ command }) => command),
  }
}

interface Running {
  pid: number
  parent: number
  kb: number
  command: string
}

async function listProcesses(): Promise<Running[]> {
  const { stdout } = await promisify(execFile)('ps', ['-axo', 'pid=,ppid=,rss=,comm='])
  return stdout.split('\n').flatMap((line) => {
    const [, pid, parent, kb, command] = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? []
    return pid ? [{ pid: Number(pid), parent: Number(parent), kb: Number(kb), command: command ?? '' }] : []
  })
}

function familyOf(pid: number, all: readonly Running[]): Running[] {
  const children = all.filter(({ parent }) => parent === pid).flatMap((child) => familyOf(child.pid, all))
  return [...all.filter((each) => each.pid === pid), ...children]
}

async function pssOf(pid: number): Promise<number | null> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '')
  const kb = /^Pss:\s+(\d+) kB/m.exec(rollup)?.[1]
  return kb === undefined ? null : Number(kb)
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const toMb = (kb: number) => Number((kb / 1024).toFixed(1))
const megabytes = (processes: readonly Running[]) => toMb(sum(processes.map(({ kb }) => kb)))
