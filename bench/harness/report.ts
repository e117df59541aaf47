import type { Latency } from './latency.ts'
import { type BenchReport, type Row, ratioOf } from './result.ts'
import type { Sides } from './side.ts'
import { cpuRatioOf, type Throughput } from './throughput.ts'

interface Named {
  name: string
  /** Of the ratio. */
  goal: number
  detail?: Record<string, unknown>
  details?: Row[]
}

/** More is better. */
export function reportThroughput(
  { name, goal, detail = {}, details = [] }: Named,
  measured: Record<keyof Sides, Throughput>,
): BenchReport {
  const { ours, reference } = measured
  return {
    result: {
      name,
      ours: ours.perSecond,
      reference: reference.perSecond,
      unit: 'requests/s',
      ratio: ratioOf(ours.perSecond, reference.perSecond),
      goal: `>= ${goal}`,
      detail: { ...detail, cpuRatio: cpuRatioOf(measured), measured },
    },
    table: Object.entries(measured).map(([side, each]) => ({
      side,
      'requests/s': each.perSecond,
      'server CPU, ms': each.cpuMs.server,
      'PostgreSQL CPU, ms': each.cpuMs.postgres,
      rounds: each.rounds.join(' '),
    })),
    details,
  }
}

/** Less is better. `sides` says in words what the two were. */
export function reportLatency(
  { name, goal, detail = {}, details = [] }: Named,
  sides: Record<keyof Sides, string>,
  measured: Record<keyof Sides, Latency>,
): BenchReport {
  const { ours, reference } = measured
  return {
    result: {
      name,
      ours: ours.p50,
      reference: reference.p50,
      unit: 'ms',
      ratio: ratioOf(ours.p50, reference.p50),
      goal: `<= ${goal}`,
      detail: { ...detail, measured },
    },
    table: (['ours', 'reference'] as const).map((side) => ({
      side: sides[side],
      'p50, ms': measured[side].p50,
      'p95, ms': measured[side].p95,
    })),
    details,
  }
}
