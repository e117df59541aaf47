import { setTimeout as pause } from 'node:timers/promises'
import { type Connection, openConnection } from './harness/connection.ts'
import { withEmptyProduct } from './harness/dataset.ts'
import { untilIndexed } from './harness/indexing.ts'
import { percentiles } from './harness/latency.ts'
import { type BenchReport, ratioOf } from './harness/result.ts'
import { type Bell, openNotifyBell, openRedisBell } from './harness/round-trips.ts'
import { roundMs, rounds } from './harness/size.ts'
import { createSmallTraces, eventsPerTrace, ingestRequest } from './harness/small-traces.ts'
import { openSubscription, untilSubscribed } from './harness/subscription.ts'

const subscribers = 100
const perSecond = 100
const connections = 8
const query = 'subscription { traceEvents { cursor kind traceId trace { id status name agent { name } } } }'

/** On one clock: all of it is heard and said in this process. */
interface Told {
  askedAt: number
  answeredAt: number
  heardAt: number[]
}

/**
 * Milliseconds from a trace's request, and from its answer, which comes just after the commit, until each of a hundred
 * subscribers holds each of its events. With REDIS_URL the product's bus runs on it.
 */
export async function bench(): Promise<BenchReport> {
  const redisUrl = process.env.REDIS_URL
  const settings = redisUrl ? { REDIS_URL: redisUrl } : undefined
  return withEmptyProduct(
    'live',
    async ({ product, databaseUrl, sql }, key) => {
      const bell = await (redisUrl ? openRedisBell(redisUrl) : openNotifyBell(databaseUrl))
      const told = new Map<string, Told>()
      const open: { close(): void }[] = []
      try {
        for (let count = 0; count < subscribers; count++) {
          open.push(await openSubscription({ address: product.address, key, query, onNext: hear(told), onEnd: fail }))
        }
        const lines = await Promise.all(Array.from({ length: connections }, () => openConnection(product.address)))
        open.push(...lines)
        const makeTraces = createSmallTraces(9)
        const send = async (line: Connection) => {
          const traces = makeTraces(1)
          const one: Told = { askedAt: performance.now(), answeredAt: Number.NaN, heardAt: [] }
          told.set(traces[0]?.id ?? '', one)
          const { status } = await line.send(ingestRequest(key, traces))
          if (status !== 200) throw new Error(`a trace was answered with ${status}`)
          one.answeredAt = performance.now()
        }
        await untilSubscribed(product.address, subscribers)
        const bare: number[] = []
        const all: Told[] = []
        for (let round = -1; round < rounds; round++) {
          await atRate(lines.map((line) => () => send(line)))
          await untilAllHeard(told)
          await untilIndexed(sql)
          const rings: number[] = []
          await atRate([async () => void rings.push(await bell.ring())])
          if (round >= 0) {
            all.push(...told.values())
            bare.push(...rings)
          }
          told.clear()
        }
        return report(all, bare, bell)
      } finally {
        for (const each of open) each.close()
        await bell.close()
      }
    },
    settings,
  )
}

function fail(error: Error): never {
  throw error
}

const mark = Buffer.from('"traceId":"')

function hear(told: Map<string, Told>): (text: Buffer) => void {
  return (text) => {
    const now = performance.now()
    const at = text.indexOf(mark) + mark.length
    const id = text.toString('latin1', at, at + 32)
    const one = told.get(id)
    if (!one) throw new Error(`nobody has sent what was told: ${text}`)
    one.heardAt.push(now)
  }
}

/** By workers in turns, whether or not the one before is done; one that is late does the next at once. */
async function atRate(workers: readonly (() => Promise<void>)[]): Promise<void> {
  const begun = performance.now()
  const total = (roundMs / 1_000) * perSecond
  await Promise.all(
    workers.map(async (work, index) => {
      for (let turn = index; turn < total; turn += workers.length) {
        const wait = begun + (turn * 1_000) / perSecond - performance.now()
        if (wait > 0) await pause(wait)
        await work()
      }
    }),
  )
}

async function untilAllHeard(told: ReadonlyMap<string, Told>): Promise<void> {
  const isHeard = ({ heardAt }: Told) => heardAt.length === subscribers * eventsPerTrace
  for (const deadline = Date.now() + 10_000; ; await pause(20)) {
    const missing = [...told.values()].filter((each) => !isHeard(each))
    if (missing.length === 0) return
    if (Date.now() > deadline) {
      throw new Error(`of ${told.size} traces, ${missing.length} were not told ${subscribers} times ${eventsPerTrace}`)
    }
  }
}

function report(all: readonly Told[], bare: readonly number[], { name }: Bell): BenchReport {
  const fromRequest = percentiles(all.flatMap(({ askedAt, heardAt }) => heardAt.map((at) => at - askedAt)))
  const fromAnswer = percentiles(all.flatMap(({ answeredAt, heardAt }) => heardAt.map((at) => at - answeredAt)))
  const answer = percentiles(all.map(({ askedAt, answeredAt }) => answeredAt - askedAt))
  const trip = percentiles(bare)
  const rows = {
    'from the request to the receipt': fromRequest,
    'from the answer to the receipt': fromAnswer,
    'from the request to the answer': answer,
    [`a bare round trip of ${name}`]: trip,
  }
  return {
    result: {
      name: 'live',
      ours: fromRequest.p99,
      reference: trip.p50,
      unit: 'ms',
      ratio: ratioOf(fromRequest.p99, trip.p50),
      goal: 'report',
      detail: { subscribers, perSecond, traces: all.length, fromRequest, fromAnswer, answer, trip },
    },
    table: Object.entries(rows).map(([what, { p50, p95, p99 }]) => ({
      what,
      'p50, ms': p50,
      'p95, ms': p95,
      'p99, ms': p99,
    })),
  }
}
