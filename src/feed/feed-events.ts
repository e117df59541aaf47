import type { FeedReader } from './feed.service.ts'
import type { FeedEntry } from './feed.ts'

/**
 * The events of one subscription. What it makes of the entries of the feed is the same for all who ask the same of the
 * same tenant, so that it can be asked once for all of them: by whoever executes subscriptions. Who knows nothing of
 * that takes it for a stream of events.
 */
export class FeedEvents<Event> implements AsyncIterableIterator<Event> {
  readonly #reader: FeedReader
  readonly #read: ReadEvents<Event>
  /** As the database may be away for a while: does its work again until it is done. */
  readonly patiently: Patiently
  #left: Event[] = []

  constructor({ reader, read, patiently }: Options<Event>) {
    this.#reader = reader
    this.#read = read
    this.patiently = patiently
  }

  /** What comes next of the feed, in this subscription's own time. Null: it has ended. */
  nextEntries(): Promise<readonly FeedEntry[] | null> {
    return this.#reader.next()
  }

  /** Whether those entries are the same objects for all who are at the head of the feed. */
  areShared(): boolean {
    return this.#reader.isAtHead()
  }

  /** What these entries mean to a subscription like this: any number of events for each of them. */
  readEvents(entries: readonly FeedEntry[]): Promise<Event[][]> {
    return this.#read(entries)
  }

  async next(): Promise<IteratorResult<Event>> {
    while (this.#left.length === 0) {
      const entries = await this.nextEntries()
      if (entries === null) return { done: true, value: undefined }
      this.#left = (await this.patiently(() => this.readEvents(entries))).flat()
    }
    return { done: false, value: this.#left.shift() as Event }
  }

  async return(): Promise<IteratorResult<Event>> {
    this.#reader.close()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

export type ReadEvents<Event> = (entries: readonly FeedEntry[]) => Promise<Event[][]>
type Patiently = <Result>(work: () => Promise<Result>) => Promise<Result>

interface Options<Event> {
  reader: FeedReader
  read: ReadEvents<Event>
  patiently: Patiently
}
