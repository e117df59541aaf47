import type { FeedPage } from './feed.repository.ts'
import { type FeedEntry, type FeedPosition, isBefore } from './feed.ts'

/**
 * The end of a tenant's feed, read once for all who watch it in this process. It reads on only when somebody waits who
 * has seen all that it has, so that the fastest leads; who is slower finds the last entries here, and who is slower
 * still reads them from the table.
 *
 * It looks when it is woken and by a slow poll. Where something is committed that isn't settled yet, because a
 * transaction before it has not ended, nobody will say when it has: then it looks again soon, and less and less soon.
 */
export interface FeedTail {
  /** What it knows to stand behind that position, and up to where; null where it doesn't reach back as far. */
  after(position: FeedPosition): { entries: readonly FeedEntry[]; to: FeedPosition } | null
  /** Whether it has looked where the end is: before, it reaches nowhere. */
  hasBegun(): boolean
  /** Calls once when it reaches further than that, or with why it can't look; returns what ends the waiting. */
  onceChanged(known: FeedPosition, tell: (error?: unknown) => void): () => void
  close(): void
}

interface Options {
  /** Where the end is that it begins at: a position that no crash of the database takes back. */
  findLast(): Promise<FeedPosition>
  read(position: FeedPosition, limit: number): Promise<FeedPage>
  listen(onWake: () => void): () => void
  pollMs: number
}

const pageSize = 256
/** Entries are kept while there are not more of them, nor of spans named by them. */
const maxEntries = 512
const maxSpans = 20_000
const soonestMs = 2
const latestMs = 500

export function createFeedTail({ findLast, read, listen, pollMs }: Options): FeedTail {
  let entries: FeedEntry[] = []
  let spans = 0
  /** All that stands between these two is in `entries`; null: it has not looked yet. */
  let from: FeedPosition | null = null
  let to: FeedPosition = { place: 0n, id: 0n }
  let waiting = new Set<{ tell: (error?: unknown) => void }>()
  let isDue = true
  let isReading = false
  let isClosed = false
  let soonMs = soonestMs
  let soon: NodeJS.Timeout | undefined

  const stopListening = listen(look)
  const timer = setInterval(look, pollMs)
  timer.unref()

  function look(): void {
    isDue = true
    if (waiting.size > 0) void readOn()
  }

  async function readOn(): Promise<void> {
    if (isReading || isClosed) return
    isReading = true
    try {
      while (isDue && waiting.size > 0 && !isClosed) {
        isDue = false
        const isFirst = from === null
        if (isFirst) from = to = await findLast()
        const page = await read(to, pageSize)
        if (isClosed) return
        const hasMoved = append(page)
        lookAgain(page, hasMoved)
        if (hasMoved || isFirst) tellAll()
      }
    } catch (error) {
      isDue = true
      tellAll(error)
    } finally {
      isReading = false
    }
  }

  /** Says whether there was anything. */
  function append(page: FeedPage): boolean {
    for (const entry of page.entries) {
      entries.push(entry)
      spans += entry.spanIds.length
    }
    to = page.entries.at(-1)?.position ?? to
    forget()
    return page.entries.length > 0
  }

  function forget(): void {
    let many = 0
    while (entries.length - many > maxEntries || (spans > maxSpans && many < entries.length - 1)) {
      spans -= entries[many]?.spanIds.length ?? 0
      many++
    }
    if (many === 0) return
    from = entries[many - 1]?.position ?? from
    entries = entries.slice(many)
  }

  /** The pauses grow while nothing is settled; wake-ups in between don't make them grow. */
  function lookAgain(page: FeedPage, hasMoved: boolean): void {
    clearTimeout(soon)
    if (hasMoved || !page.isWaiting) soonMs = soonestMs
    if (page.entries.length >= pageSize) isDue = true
    else if (page.isWaiting) soon = setTimeout(lookLessSoon, soonMs).unref()
  }

  function lookLessSoon(): void {
    soonMs = Math.min(2 * soonMs, latestMs)
    look()
  }

  function tellAll(error?: unknown): void {
    const told = waiting
    waiting = new Set()
    for (const { tell } of told) tell(error)
  }

  return {
    after(position) {
      if (from === null || isBefore(position, from)) return null
      let low = 0
      for (let high = entries.length; low < high; ) {
        const middle = (low + high) >>> 1
        if (isBefore(position, (entries[middle] as FeedEntry).position)) high = middle
        else low = middle + 1
      }
      return { entries: entries.slice(low), to }
    },

    hasBegun: () => from !== null,

    onceChanged(known, tell) {
      if (from !== null && isBefore(known, to)) {
        tell()
        return () => {}
      }
      const waiter = { tell }
      waiting.add(waiter)
      if (isDue) void readOn()
      return () => void waiting.delete(waiter)
    },

    close() {
      isClosed = true
      stopListening()
      clearInterval(timer)
      clearTimeout(soon)
    },
  }
}
