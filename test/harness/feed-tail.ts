import type { FeedPage } from '../../src/feed/feed.repository.ts'
import { type FeedEntry, type FeedPosition, isBefore } from '../../src/feed/feed.ts'
import { createFeedTail, type FeedTail } from '../../src/feed/feed-tail.ts'

export const pollMs = 5_000

export type TailBench = ReturnType<typeof createTailBench>

/** A feed in memory, and tails of it: needs fake timers. */
export function createTailBench(settle: () => Promise<unknown>) {
  const tails: FeedTail[] = []
  let wake = () => {}
  let answer = () => {}

  const bench = {
    table: [] as FeedEntry[],
    /** Up to where it is settled. */
    horizon: 10n,
    /** Whether something is committed behind that. */
    isWaiting: false,
    /** Where each read began. */
    reads: [] as FeedPosition[],
    /** What each of them fails with. */
    error: null as unknown,
    /** Reads are answered by `answer` alone; what they saw is what was there when they began. */
    isHeld: false,
    isListening: false,

    open(): FeedTail {
      bench.isListening = true
      const tail = createFeedTail({ pollMs, listen, findLast, read })
      tails.push(tail)
      return tail
    },

    /** One that has looked, and to where. */
    async openAtHead(): Promise<{ tail: FeedTail; head: FeedPosition }> {
      const tail = bench.open()
      bench.wait(tail, { place: 0n, id: 0n })
      await settle()
      return { tail, head: { place: bench.horizon, id: 0n } }
    },

    /** Each at a place of its own, and settled. */
    append(count: number, spans = 0): void {
      for (let more = 0; more < count; more++) bench.table.push(entryAt(bench.horizon++, spans))
    },

    /** Waits behind that position; gives how often it was told, and what. */
    wait(tail: FeedTail, known: FeedPosition) {
      const told: unknown[] = []
      return { told, leave: tail.onceChanged(known, (error) => told.push(error)) }
    },

    /** Behind that entry of the table. */
    behind: (index: number) => bench.table.at(index)?.position as FeedPosition,

    /** Waits at its head until it has all there is. */
    async readAll(tail: FeedTail): Promise<void> {
      const head = () => tail.after({ place: bench.horizon, id: 0n })?.to as FeedPosition
      while (isBefore(head(), bench.behind(-1))) {
        bench.wait(tail, head())
        await settle()
      }
    },

    wake: () => wake(),

    answer(): void {
      bench.isHeld = false
      answer()
    },

    close(): void {
      for (const tail of tails) tail.close()
    },
  }

  function listen(onWake: () => void): () => void {
    wake = onWake
    return () => {
      bench.isListening = false
    }
  }

  async function findLast(): Promise<FeedPosition> {
    return { place: bench.horizon, id: 0n }
  }

  async function read(position: FeedPosition, limit: number): Promise<FeedPage> {
    const { table, horizon, isWaiting, error } = bench
    bench.reads.push(position)
    if (error) throw error
    const entries = table.filter((entry) => isBefore(position, entry.position) && entry.position.place < horizon)
    const page = { entries: entries.slice(0, limit), horizon, end: horizon + 5n, floor: null, isWaiting }
    if (bench.isHeld) {
      await new Promise<void>((resolve) => {
        answer = resolve
      })
    }
    return page
  }

  return bench
}

function entryAt(place: bigint, spans: number): FeedEntry {
  const spanIds = Array.from({ length: spans }, (_, index) => `${index}`)
  const position = { place, id: place + 1_000n }
  return { position, start: null, kind: 'UPDATED', traceId: `trace ${place}`, spanIds, toldSpans: 0, before: null }
}
