import { setMaxListeners } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { DomainError } from '../errors.ts'
import type { Patience } from '../infra/patience.ts'
import type { FeedPage, FeedRepository } from './feed.repository.ts'
import {
  cursorOf,
  type FeedCursor,
  type FeedEntry,
  type FeedPosition,
  feedTopic,
  isBefore,
  withoutPastStart,
  withoutSettledStart,
} from './feed.ts'
import { decodeFeedCursor, feedCursorAfter } from './feed-cursor.ts'
import { createFeedTail, type FeedTail } from './feed-tail.ts'

export type FeedService = ReturnType<typeof createFeedService>

/** The feed of a tenant from one subscriber's own place on, at its own pace. */
export interface FeedReader {
  /** What comes next, at least one entry: as soon as there is any. Null: it was closed. */
  next(): Promise<readonly FeedEntry[] | null>
  /** Whether others who are at the head of the feed are given the same objects as were given last. */
  isAtHead(): boolean
  /** Ends `next` at once, even while it waits. */
  close(): void
}

interface Dependencies {
  feed: FeedRepository
  bus: { listen(topic: string, onWake: () => void): () => void }
  patience: Patience
  feedHours: number
  pollMs: number
}

interface SharedTail {
  tail: FeedTail
  readers: number
  closing: AbortController
}

/** Of what is behind. */
const pageSize = 500
const soonestMs = 2
const latestMs = 500

export function createFeedService({ feed, bus, patience, feedHours, pollMs }: Dependencies) {
  const tails = new Map<string, SharedTail>()
  const readers = new Set<FeedReader>()
  const closing = new AbortController()
  // As many as there are subscriptions wait for the database with it.
  setMaxListeners(0, closing.signal)

  function openTail(tenantId: string): SharedTail {
    const closing = new AbortController()
    const read = (position: FeedPosition, limit: number) =>
      patience(closing.signal, () => feed.readPage(tenantId, { position, start: null, spans: null }, limit))
    const findLast = () => patience(closing.signal, () => feed.findLast(tenantId))
    const listen = (onWake: () => void) => bus.listen(feedTopic(tenantId), onWake)
    const tail = createFeedTail({ findLast, read, listen, pollMs })
    return { tail, readers: 0, closing }
  }

  /** One for all readers of a tenant, for as long as there are any. */
  function takeTail(tenantId: string): { tail: FeedTail; leave: () => void } {
    const shared = tails.get(tenantId) ?? openTail(tenantId)
    tails.set(tenantId, shared)
    shared.readers++
    return {
      tail: shared.tail,
      leave() {
        if (--shared.readers > 0) return
        if (tails.get(tenantId) === shared) tails.delete(tenantId)
        shared.closing.abort()
        shared.tail.close()
      },
    }
  }

  return {
    /** A cursor after which comes all that is not committed yet. */
    async findCursor(tenantId: string): Promise<string> {
      return feedCursorAfter(tenantId, { snapshot: await feed.findNow(), own: null })
    },

    /**
     * What happens from now on, or from where the cursor stands. The moment of now is when the promise resolves, at the
     * latest.
     */
    async open(tenantId: string, after: string | null): Promise<FeedReader> {
      const begun = after === null ? null : decodeFeedCursor(tenantId, after, 'after')
      const cursor = begun ?? cursorOf({ snapshot: await feed.findNow(), own: null })
      if (begun) checkKept(await feed.readPage(tenantId, begun, 0), begun)
      return read(tenantId, cursor)
    },

    /** For who reads more about the entries: does it again for as long as the database is away. */
    patiently: <Result>(work: () => Promise<Result>): Promise<Result> => patience(closing.signal, work),

    close(): void {
      closing.abort()
      for (const reader of readers) reader.close()
    },
  }

  function read(tenantId: string, from: FeedCursor): FeedReader {
    const closing = new AbortController()
    const { signal } = closing
    const { tail, leave } = takeTail(tenantId)
    let stopReading = () => {}
    let stopWaiting = () => {}
    let cursor = from
    let waitMs = soonestMs
    let isAtHead = false

    async function readOn(): Promise<readonly FeedEntry[] | null> {
      if (!tail.hasBegun()) await nextChange()
      while (!signal.aborted) {
        const known = cursor.start || cursor.spans !== null ? null : tail.after(cursor.position)
        if (known && isBefore(cursor.position, known.to)) cursor = { ...cursor, position: known.to }
        const entries = known ? known.entries : await readBehind()
        isAtHead = known !== null
        if (entries.length > 0) return entries
        if (known) await nextChange()
      }
      return null
    }

    function nextChange(): Promise<void> {
      return new Promise((resolve, reject) => {
        const stop = tail.onceChanged(cursor.position, (error) => (error === undefined ? resolve() : reject(error)))
        stopWaiting = () => {
          stop()
          resolve()
        }
      })
    }

    async function readBehind(): Promise<readonly FeedEntry[]> {
      const page = await patience(signal, () => feed.readPage(tenantId, cursor, pageSize))
      checkKept(page, cursor)
      const position = page.entries.at(-1)?.position ?? cursor.position
      cursor = { position, start: cursor.start, spans: null }
      if (page.entries.length < pageSize) cursor = withoutSettledStart(cursor, page.horizon)
      cursor = withoutPastStart(cursor)
      if (page.entries.length > 0 || cursor.start === null) {
        waitMs = soonestMs
      } else {
        // Nobody will say when what was running at the start has ended.
        await pause(waitMs, undefined, { signal })
        waitMs = Math.min(2 * waitMs, latestMs)
      }
      return page.entries
    }

    const reader: FeedReader = {
      // What it waits for may take as long as a dead line: nobody waits for that once it is closed.
      next: () =>
        new Promise((resolve, reject) => {
          if (signal.aborted) return resolve(null)
          stopReading = () => resolve(null)
          readOn().then(resolve, reject)
        }),
      isAtHead: () => isAtHead,
      close() {
        if (signal.aborted) return
        closing.abort()
        stopReading()
        stopWaiting()
        leave()
        readers.delete(reader)
      },
    }
    readers.add(reader)
    return reader
  }

  function checkKept({ floor, end }: FeedPage, { position, spans }: FeedCursor): void {
    // An event of which not all spans were told of must be there itself.
    if (floor && (isBefore(position, floor) || (spans !== null && !isBefore(floor, position)))) {
      throw new DomainError(
        'CURSOR_EXPIRED',
        `The feed keeps ${feedHours} hours, and the cursor is older: some of what came after it is removed.`,
        { field: 'after', hint: 'Subscribe without "after", then read the list for what there is now.' },
      )
    }
    if (position.place > end) {
      throw new DomainError('CURSOR_EXPIRED', 'The database was set back to a time before this cursor.', {
        field: 'after',
        hint: 'Subscribe without "after", then read the list for what there is now.',
      })
    }
  }
}
