import type { ExecutionResult } from 'graphql'
import type { FeedEntry } from '../feed/feed.ts'
import type { FeedEvents } from '../feed/feed-events.ts'
import { isAway } from '../infra/patience.ts'
import { type Context, createLoaders } from './context.ts'
import type { ReadyStream } from './endable.ts'
import type { OperationPlan } from './execution-plan.ts'
import { type Run, runOperation } from './planned-execution.ts'
import { SharedResult } from './shared-result.ts'

/**
 * Subscribers who ask the same (the same document with the same variables) and may see the same (the same tenant and
 * scopes) are one group: what an entry of the feed means to it is executed and written out once, for whoever of it
 * comes there first, and kept until all have come who were there then, or there is too much of it. Loaders are fresh
 * for each such time: what they read is as new as the entries, or newer.
 */
export interface SharedExecution {
  subscribe<Event>(events: FeedEvents<Event>, run: Run): AsyncIterableIterator<ExecutionResult>
}

interface Group {
  members: number
  /** The oldest first. */
  made: Map<FeedEntry, Made>
  bytes: number
  leave(): void
}

/** Of one entry: what was made of all that were asked for with it, and which of that is its own. */
interface Made {
  results: Promise<SharedResult[][]>
  index: number
  awaitedBy: number
  /** Of its results, when they are known. */
  bytes: number
}

/** Of entries at once; and how much of their results may be in memory, where that is more than those of one. */
const fewestEntries = 16
const mostEntries = 256
const mostBytes = 256_000
/** Of a group, for those of it who are behind. */
const mostKept = { entries: 1_000, bytes: 1_000_000 }

export function createSharedExecution(): SharedExecution {
  const groups = new WeakMap<OperationPlan, Map<string, Group>>()

  function join({ plan, variables, contextValue }: Run): Group {
    const { tenantId, scopes } = (contextValue as Context).viewer
    const key = JSON.stringify([tenantId, [...scopes].sort(), variables])
    const ofPlan = groups.get(plan) ?? new Map<string, Group>()
    groups.set(plan, ofPlan)
    const group = ofPlan.get(key) ?? {
      members: 0,
      made: new Map(),
      bytes: 0,
      leave() {
        if (--this.members === 0 && ofPlan.get(key) === this) ofPlan.delete(key)
      },
    }
    ofPlan.set(key, group)
    group.members++
    return group
  }

  return {
    subscribe: (events, run) => new SharedResults(events, run, join(run)),
  }
}

/** One subscriber's results, at its own pace: pulled one by one, made by the dozen. */
class SharedResults<Event> implements ReadyStream<ExecutionResult> {
  readonly #events: FeedEvents<Event>
  readonly #run: Run
  readonly #group: Group
  #entries: readonly FeedEntry[] = []
  #areShared = false
  #nextEntry = 0
  #atOnce = fewestEntries
  #results: SharedResult[] = []
  #nextResult = 0
  #isOver = false

  constructor(events: FeedEvents<Event>, run: Run, group: Group) {
    this.#events = events
    this.#run = { ...run, args: new Map() }
    this.#group = group
  }

  ready(): ExecutionResult | undefined {
    const value = this.#results[this.#nextResult]
    if (value !== undefined) this.#nextResult++
    return value
  }

  next(): Promise<IteratorResult<ExecutionResult>> {
    const value = this.ready()
    return value === undefined ? this.#pull() : Promise.resolve({ done: false, value })
  }

  async return(): Promise<IteratorResult<ExecutionResult>> {
    if (!this.#isOver) {
      this.#isOver = true
      this.#group.leave()
      await this.#events.return()
    }
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async #pull(): Promise<IteratorResult<ExecutionResult>> {
    try {
      while (!this.#isOver) {
        const results = await this.#nextResults()
        if (results === null) break
        const [value] = results
        if (value === undefined) continue
        this.#results = results
        this.#nextResult = 1
        return { done: false, value }
      }
    } catch (error) {
      await this.return()
      throw error
    }
    return this.return()
  }

  /** Of some entries, which may mean nothing to it. */
  async #nextResults(): Promise<SharedResult[] | null> {
    if (this.#nextEntry >= this.#entries.length) {
      const entries = await this.#events.nextEntries()
      if (entries === null) return null
      this.#entries = entries
      this.#areShared = this.#events.areShared()
      this.#nextEntry = 0
    }
    const some = this.#entries.slice(this.#nextEntry, this.#nextEntry + this.#atOnce)
    this.#nextEntry += some.length
    const results = this.#areShared ? await this.#take(some) : (await this.#makePatiently(some)).flat()
    const isMuch = lengthOf(results) > mostBytes
    this.#atOnce = isMuch ? Math.ceil(this.#atOnce / 2) : Math.min(2 * this.#atOnce, mostEntries)
    return results
  }

  async #take(entries: readonly FeedEntry[]): Promise<SharedResult[]> {
    const { made, members } = this.#group
    const missing = entries.filter((entry) => !made.has(entry))
    if (missing.length > 0) {
      const results = this.#makePatiently(missing)
      for (const [index, entry] of missing.entries()) {
        made.set(entry, { results, index, awaitedBy: members, bytes: 0 })
      }
      results.then(
        (all) => weigh(this.#group, missing, all),
        () => missing.forEach((entry) => void made.delete(entry)),
      )
    }
    const taken = entries.map((entry) => made.get(entry) as Made)
    for (const entry of entries) {
      const own = made.get(entry)
      if (own && --own.awaitedBy <= 0) drop(this.#group, entry)
    }
    const results: SharedResult[][] = []
    for (const { results: all, index } of taken) results.push((await all)[index] ?? [])
    return results.flat()
  }

  #makePatiently(entries: readonly FeedEntry[]): Promise<SharedResult[][]> {
    return this.#events.patiently(() => this.#make(entries))
  }

  async #make(entries: readonly FeedEntry[]): Promise<SharedResult[][]> {
    const events = await this.#events.readEvents(entries)
    const { services, viewer } = this.#run.contextValue as Context
    const contextValue = {
      ...(this.#run.contextValue as Context),
      loaders: createLoaders(services, viewer, { remember: true }),
    }
    const made = events.map((ofEntry) =>
      ofEntry.map((event) => runOperation({ ...this.#run, contextValue, rootValue: event })),
    )
    // Most take nothing that has to be waited for, and a promise for each would cost as much as all the rest.
    const isPending = made.some((ofEntry) => ofEntry.some((each) => each instanceof Promise))
    const results = isPending ? await Promise.all(made.map((ofEntry) => Promise.all(ofEntry))) : made
    return (results as ExecutionResult[][]).map((ofEntry) => ofEntry.map(share))
  }
}

function share(result: ExecutionResult): SharedResult {
  const outage = result.errors?.find(({ originalError }) => isAway(originalError))
  if (outage) throw outage.originalError
  return new SharedResult(result)
}

/** Those who are behind have what is too much made for themselves. */
function weigh(group: Group, entries: readonly FeedEntry[], results: readonly SharedResult[][]): void {
  for (const [index, entry] of entries.entries()) {
    const own = group.made.get(entry)
    if (!own) continue
    own.bytes = lengthOf(results[index] ?? [])
    group.bytes += own.bytes
  }
  for (const entry of group.made.keys()) {
    if (group.made.size <= mostKept.entries && group.bytes <= mostKept.bytes) return
    drop(group, entry)
  }
}

function drop(group: Group, entry: FeedEntry): void {
  group.bytes -= group.made.get(entry)?.bytes ?? 0
  group.made.delete(entry)
}

function lengthOf(results: readonly SharedResult[]): number {
  return results.reduce((sum, { length }) => sum + length, 0)
}
