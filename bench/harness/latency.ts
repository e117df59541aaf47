import { type Connection, openConnection } from './connection.ts'
import type { Side, Sides } from './side.ts'

export interface Latency {
  p50: number
  p95: number
  p99: number
}

/** Milliseconds of a request, one at a time: one of the one side, one of the other. */
export async function compareLatency(
  sides: Sides,
  { requests, warmUp }: { requests: number; warmUp: number },
): Promise<Record<keyof Sides, Latency>> {
  const ours = await openConnection(sides.ours.address)
  const reference = await openConnection(sides.reference.address)
  const times = { ours: [] as number[], reference: [] as number[] }
  for (let count = -warmUp; count < requests; count++) {
    const ourMs = await timed(sides.ours, ours)
    const referenceMs = await timed(sides.reference, reference)
    if (count < 0) continue
    times.ours.push(ourMs)
    times.reference.push(referenceMs)
  }
  ours.close()
  reference.close()
  return { ours: percentiles(times.ours), reference: percentiles(times.reference) }
}

async function timed(side: Side, connection: Connection): Promise<number> {
  const request = side.next()
  const begun = performance.now()
  const answer = await connection.send(request)
  const ms = performance.now() - begun
  side.check(answer)
  return ms
}

export function percentiles(times: readonly number[]): Latency {
  const sorted = [...times].sort((a, b) => a - b)
  const at = (share: number) => Number((sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toPrecision(4))
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}
