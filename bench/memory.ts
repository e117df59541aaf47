import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { askViewer, startProduct, withFolder } from './harness/product.ts'
import type { BenchReport } from './harness/result.ts'

const idleMs = 10_000
const goalMb = 200

/**
 * What an idle process takes, ten seconds after a first query: of a start that has made its database (the engine of the
 * migrations stays in memory), and of a later one, which counts. Its PostgreSQL is counted apart, by PSS where the
 * system tells it: its processes share most of what they map, and their RSS would count that once for each.
 */
export async function bench(): Promise<BenchReport> {
  await promisify(execFile)('node', ['scripts/build.mjs'])
  const { first, later } = await withFolder(async (folder) => {
    const data = join(folder, 'data')
    const first = await measure(data, null)
    return { first, later: await measure(data, first.key) }
  })
  return {
    result: {
      name: 'memory',
      ours: later.use.rssMb,
      reference: null,
      unit: 'MB',
      ratio: null,
      goal: `<= ${goalMb} MB`,
      detail: { first: first.use, later: later.use },
    },
    table: Object.entries(later.use).map(([what, value]) => ({
      what,
      'first start': String(first.use[what as keyof Use]),
      'later start': String(value),
    })),
  }
}

type Use = Awaited<ReturnType<typeof measure>>['use']

async function measure(folder: string, knownKey: string | null) {
  // Without npm, so that the process that is started is the one that is measured.
  const product = await startProduct(folder, [process.execPath, '--enable-source-maps', 'dist/start.js'])
  try {
    const key = knownKey ?? product.firstKey ?? ''
    await askViewer(product.address, key)
    await pause(idleMs)
    const all = await listProcesses()
    const postgres = familyOf(product.postgresPid, all)
    const others = familyOf(product.pid, all).filter((each) => each.pid !== product.pid && !postgres.includes(each))
    const pss = await Promise.all(postgres.map(({ pid }) => pssOf(pid)))
    const use = {
      rssMb: megabytes(all.filter(({ pid }) => pid === product.pid)),
      postgresPssMb: pss.some((kb) => kb !== null) ? toMb(sum(pss.map((kb) => kb ?? 0))) : null,
      postgresRssMb: megabytes(postgres),
      postgresProcesses: postgres.length,
      otherRssMb: megabytes(others),
      otherProcesses: others.map(({ command }) => command),
    }
    return { key, use }
  } finally {
    await product.stop()
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
