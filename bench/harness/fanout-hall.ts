import { setTimeout as pause } from 'node:timers/promises'
import { type Audience, openAudience } from './audience.ts'
import { requestOf, sendAlone } from './connection.ts'
import { cpuMsOf, cpuMsOfPostgres } from './cpu.ts'
import { withEmptyProduct } from './dataset.ts'
import { untilIndexed } from './indexing.ts'
import { startReference } from './reference.ts'
import { scaled } from './size.ts'
import { eventsPerTrace, ingest, type SmallTrace } from './small-traces.ts'
import { untilCount, untilSubscribed } from './subscription.ts'
import type { Workbench } from './workbench.ts'

/** As many of the product as of the reference, all with the same subscription. */
export const subscribers = scaled(1_000)
/** At least: the next batch goes out when everybody has got the one before. */
const batchEveryMs = 250

const query = 'subscription { traceEvents { cursor kind traceId trace { id status name agent { name } } } }'

/** Microseconds of CPU for each event told to a subscriber. */
export interface Cost {
  server: number
  postgres: number
}

export interface Hall {
  /** What taking the traces in costs by itself, divided by as many as would be told if anybody listened. */
  costUnheard(batches: readonly SmallTrace[][]): Promise<Cost>
  /** Lets all listen, and waits until they do. */
  open(): Promise<void>
  /** The product takes the traces in and tells of them; then the reference tells the same. */
  tellBoth(batches: readonly SmallTrace[][]): Promise<Record<'ours' | 'reference', Cost>>
}

interface Server {
  address: string
  pid: number
}

export function withHall<Result>(use: (hall: Hall) => Promise<Result>): Promise<Result> {
  return withEmptyProduct('fanout', async (bench, key) => {
    const { product } = bench
    const reference = await startReference('fanout', bench.databaseUrl)
    const audiences: Audience[] = []
    const listen = async ({ address }: Server): Promise<Audience> => {
      const audience = await openAudience({ key, query, count: subscribers, address })
      audiences.push(audience)
      return audience
    }
    try {
      return await use({
        async costUnheard(batches) {
          const parts = batches.map((batch) => async () => {
            await Promise.all([ingest(product.address, key, batch), pause(batchEveryMs)])
            return batch.length * eventsPerTrace
          })
          return (await measure(bench, product, parts)).cost
        },
        async open() {
          await listen(product)
          await untilSubscribed(product.address, subscribers)
          await listen(reference)
          await untilCount(() => tellReference(reference.address, []), subscribers)
        },
        async tellBoth(batches) {
          const [ourAudience, theirAudience] = audiences as [Audience, Audience]
          const ours = await tell(
            bench,
            product,
            ourAudience,
            batches.map((batch) => ({
              events: batch.length * eventsPerTrace,
              send: () => ingest(product.address, key, batch),
            })),
          )
          requireEach(ours.told.flat(), batches.flat())
          await untilIndexed(bench.sql)
          const theirs = await tell(
            bench,
            reference,
            theirAudience,
            ours.told.map((texts) => ({
              events: texts.length,
              send: () => tellReference(reference.address, texts),
            })),
          )
          requireSame(theirs.told.flat(), ours.told.flat())
          return { ours: ours.cost, reference: theirs.cost }
        },
      })
    } finally {
      for (const audience of audiences) audience.close()
      await reference.stop()
    }
  })
}

interface Part {
  events: number
  send(): Promise<unknown>
}

/** What each part makes the subscribers hear, and what that takes of CPU. */
async function tell(bench: Workbench, server: Server, audience: Audience, parts: readonly Part[]) {
  const told: string[][] = []
  const measured = await measure(
    bench,
    server,
    parts.map(({ events, send }) => async () => {
      const soonest = pause(batchEveryMs)
      await audience.expect(events)
      await send()
      told.push(await audience.received())
      await soonest
      return events
    }),
  )
  return { ...measured, told }
}

/** Each part says how many events it has told each subscriber of. */
async function measure({ product }: Workbench, { pid }: Server, parts: readonly (() => Promise<number>)[]) {
  const cpuMs = () => Promise.all([cpuMsOf(pid), cpuMsOfPostgres(product.postgresPid)])
  const before = await cpuMs()
  let deliveries = 0
  for (const part of parts) deliveries += (await part()) * subscribers
  const after = await cpuMs()
  const cost: Cost = {
    server: ((after[0] - before[0]) * 1_000) / deliveries,
    postgres: ((after[1] - before[1]) * 1_000) / deliveries,
  }
  return { cost }
}

/** Every trace was created and finished, and nothing else was told. All subscribers have got the same. */
function requireEach(texts: readonly string[], traces: readonly SmallTrace[]): void {
  const told = texts.map((text) => {
    const { kind, traceId, trace } = eventOf(text)
    return `${kind} ${traceId} ${trace.id} ${trace.status} ${trace.name} ${trace.agent.name}`
  })
  const expected = traces.flatMap(({ id, name, agent }) =>
    ['CREATED', 'FINISHED'].map((kind) => `${kind} ${id} ${id} COMPLETED ${name} ${agent}`),
  )
  const missing = expected.filter((each) => !told.includes(each))
  if (missing.length > 0 || told.length !== expected.length) {
    throw new Error(`of ${expected.length} events, ${missing.length} were not told; ${told.length} came`)
  }
}

function requireSame(theirs: readonly string[], ours: readonly string[]): void {
  for (const [index, text] of theirs.entries()) {
    if (text !== ours[index]) throw new Error(`the reference told ${text} instead of ${ours[index]}`)
  }
}

interface Told {
  kind: string
  traceId: string
  trace: { id: string; status: string; name: string; agent: { name: string } }
}

function eventOf(text: string): Told {
  return JSON.parse(text).payload.data.traceEvents
}

/** Says how many are listening. */
async function tellReference(address: string, texts: readonly string[]): Promise<number> {
  const { body } = await sendAlone(address, requestOf('/', JSON.stringify({ events: texts.map(eventOf) })))
  return JSON.parse(body.toString('utf8')).listeners
}
