import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Queue } from '../infra/queue.ts'
import { createNudge } from '../nudge.ts'
import type { SearchIndexRepository } from './search-index.repository.ts'
import { indexTraces } from './trace.jobs.ts'

export type SearchIndexService = ReturnType<typeof createSearchIndexService>

/**
 * Indexing a span costs as much as storing it, and one core indexes some 1,200 a second. Where more come in here than it
 * could ever keep up with, it rests so much longer than it works: a flood is taken in first, and found when it is over.
 */
const floodSpansPerSecond = 1_500
const restFactor = 4

interface Dependencies {
  index: Pick<SearchIndexRepository, 'indexSome'>
  queue: Pick<Queue, 'add'>
  onError: (error: unknown) => void
  nudgeMs?: number
}

/**
 * What comes in is indexed in the background, by whichever worker is free: as many at once as processes take it in.
 * A nudge costs those who ingest nothing, and may get lost: then the sweep comes.
 */
export function createSearchIndexService({ index, queue, onError, nudgeMs = 200 }: Dependencies) {
  /** One job of each process waits at most: it does all that is due when it begins, whoever brought it. */
  const id = randomUUID()
  let takenIn = 0
  // One that is at work may have looked for the last time: then it is done again.
  const send = () => queue.add(indexTraces, {}, { id, againIfActive: true })
  const due = createNudge({ send, onError, afterMs: nudgeMs })

  return {
    /** Something is due. Many in a short while are one. */
    nudge(spans: number): void {
      takenIn += spans
      due.soon()
    },

    /** Until nothing is due but what others are at: they look again when they are done with it. */
    async indexDue(signal: AbortSignal): Promise<void> {
      for (;;) {
        const began = performance.now()
        const before = takenIn
        if (!(await index.indexSome())) return
        signal.throwIfAborted()
        const workedMs = performance.now() - began
        const isFlooded = (takenIn - before) * 1_000 > floodSpansPerSecond * workedMs
        if (isFlooded) await pause(restFactor * workedMs, undefined, { signal })
      }
    },

    flush: due.flush,
    close: due.flush,
  }
}
