import { type Connection, openConnection } from './connection.ts'
import { cpuMsOf, cpuMsOfPostgres } from './cpu.ts'
import { median, ratioOf } from './result.ts'
import type { Side, Sides } from './side.ts'
import { roundMs, rounds } from './size.ts'

interface Plan {
  connections: number
  postgresPid: number
  /** After each round, while no clock runs: so that work that one side leaves behind doesn't meet the other. */
  settle?: (side: keyof Sides) => Promise<void>
}

export interface Throughput {
  /** Requests a second, of the median round. */
  perSecond: number
  rounds: number[]
  /** Milliseconds of CPU a request: what doesn't change with what else runs on the machine. */
  cpuMs: { server: number; postgres: number }
}

/** As many requests as it answers: both sides in turns, after a round each that doesn't count. */
export async function compareThroughput(sides: Sides, plan: Plan): Promise<Record<keyof Sides, Throughput>> {
  const names = ['ours', 'reference'] as const
  const measured = { ours: [] as Round[], reference: [] as Round[] }
  for (let round = -1; round < rounds; round++) {
    for (const name of names) {
      const done = await drive(sides[name], plan)
      await plan.settle?.(name)
      if (round >= 0) measured[name].push(done)
    }
  }
  return { ours: summarize(measured.ours), reference: summarize(measured.reference) }
}

interface Round {
  perSecond: number
  serverMs: number
  postgresMs: number
}

async function drive(side: Side, { connections, postgresPid }: Plan): Promise<Round> {
  const open = await Promise.all(Array.from({ length: connections }, () => openConnection(side.address)))
  const cpuMs = () => Promise.all([cpuMsOf(side.pid), cpuMsOfPostgres(postgresPid)])
  let requests = 0
  async function repeat(connection: Connection, until: number): Promise<void> {
    while (performance.now() < until) {
      side.check(await connection.send(side.next()))
      requests++
    }
  }
  try {
    const before = await cpuMs()
    const begun = performance.now()
    await Promise.all(open.map((connection) => repeat(connection, begun + roundMs)))
    const ms = performance.now() - begun
    const after = await cpuMs()
    return {
      perSecond: (requests * 1_000) / ms,
      serverMs: (after[0] - before[0]) / requests,
      postgresMs: (after[1] - before[1]) / requests,
    }
  } finally {
    for (const connection of open) connection.close()
  }
}

/** As the ratio of what is done in a second would be, were nothing but these processes at work. */
export function cpuRatioOf({ ours, reference }: Record<keyof Sides, Throughput>): number {
  return ratioOf(reference.cpuMs.server + reference.cpuMs.postgres, ours.cpuMs.server + ours.cpuMs.postgres)
}

function summarize(measured: Round[]): Throughput {
  const middle = (which: keyof Round) => Number(median(measured.map((round) => round[which])).toPrecision(4))
  return {
    perSecond: middle('perSecond'),
    rounds: measured.map(({ perSecond }) => Number(perSecond.toPrecision(4))),
    cpuMs: { server: middle('serverMs'), postgres: middle('postgresMs') },
  }
}
