import { RawJson } from '../raw-json.ts'
import { inTurns } from '../turns.ts'
import { type PreparedContent, prepareContent } from './compile.ts'
import { promptsTopic, type Selector } from './prompt.ts'
import type { PromptSource, PromptSourceRepository } from './prompt-source.repository.ts'

export type PromptSources = ReturnType<typeof createPromptSources>

/** What is compiled, ready for it. */
export interface PreparedSource {
  promptId: string
  /** Null: it is the draft. */
  number: number | null
  etag: string
  prepared: PreparedContent
  contentJson: RawJson
}

/** Looked at again after this at the latest, also where no wake-up arrives: less than the second that is promised. */
const maxAgeMs = 800
const maxEntries = 2_000
/** Of their contents as JSON; prepared they take up to 20 times as much. */
const maxLength = 10_000_000

interface Dependencies {
  sources: PromptSourceRepository
  bus: { listen(topic: string, onWake: () => void): () => void; wake(topic: string): void }
}

interface Entry {
  listened: Listened
  /** How often the tenant's prompts had changed when this was read. */
  changes: number
  readAt: number
  source: Promise<PreparedSource | null>
  /** What it was when it was last read: prepared again only where the content is another one. */
  latest: PreparedSource | null
}

interface Listened {
  tenantId: string
  changes: number
  entries: number
  stop(): void
}

/**
 * Agents compile before every model call: a content is read and prepared once, then looked at again about once a second
 * (is it still that one?), and at once where a wake-up tells of a change. What is never asked for goes first.
 */
export function createPromptSources({ sources, bus }: Dependencies) {
  /** In the order of use, the longest ago first. */
  const entries = new Map<string, Entry>()
  const listened = new Map<string, Listened>()
  let length = 0

  function listen(tenantId: string): Listened {
    const known = listened.get(tenantId)
    if (known) return known
    const stop = bus.listen(promptsTopic(tenantId), () => own.changes++)
    const own: Listened = { tenantId, changes: 0, entries: 0, stop }
    listened.set(tenantId, own)
    return own
  }

  /** Listening begins before reading, so that what changes in between is heard of. */
  function read(key: string, tenantId: string, name: string, selector: Selector): Promise<PreparedSource | null> {
    const former = entries.get(key)
    const own = former?.listened ?? listen(tenantId)
    const latest = former?.latest ?? null
    const source = sources
      .findSource(tenantId, name, selector, latest)
      .then((found) => found && inTurns(() => prepare(found, latest)))
    const entry: Entry = { listened: own, changes: own.changes, readAt: performance.now(), source, latest }
    if (!former) own.entries++
    entries.set(key, entry)
    source.then(
      (found) => {
        if (entries.get(key) !== entry) return
        if (found === null) drop(key, entry)
        else keep(entry, found)
      },
      () => entries.get(key) === entry && drop(key, entry),
    )
    return source
  }

  function keep(entry: Entry, found: PreparedSource): void {
    length += lengthOf(found) - lengthOf(entry.latest)
    entry.latest = found
    for (const [key, oldest] of entries) {
      if (entries.size <= maxEntries && length <= maxLength) return
      if (oldest !== entry) drop(key, oldest)
    }
  }

  function drop(key: string, { listened: own, latest }: Entry): void {
    entries.delete(key)
    length -= lengthOf(latest)
    own.entries--
    if (own.entries > 0) return
    own.stop()
    listened.delete(own.tenantId)
  }

  return {
    findSource(tenantId: string, name: string, selector: Selector): Promise<PreparedSource | null> {
      const key = JSON.stringify([tenantId, name, selector])
      const known = entries.get(key)
      if (!known || known.changes !== known.listened.changes || performance.now() - known.readAt >= maxAgeMs) {
        return read(key, tenantId, name, selector)
      }
      entries.delete(key)
      entries.set(key, known)
      return known.source
    },

    /** The tenant's prompts are others now: here at once, elsewhere when the wake-up arrives. */
    announce(tenantId: string): void {
      const own = listened.get(tenantId)
      if (own) own.changes++
      bus.wake(promptsTopic(tenantId))
    },

    close(): void {
      for (const { stop } of listened.values()) stop()
      listened.clear()
      entries.clear()
    },
  }
}

function prepare(found: PromptSource, latest: PreparedSource | null): PreparedSource {
  const { promptId, number, etag, content } = found
  if (content === null) return { ...(latest as PreparedSource), number }
  return {
    promptId,
    number,
    etag,
    prepared: prepareContent(content),
    contentJson: new RawJson(JSON.stringify(content)),
  }
}

function lengthOf(source: PreparedSource | null): number {
  return source?.contentJson.text.length ?? 0
}
