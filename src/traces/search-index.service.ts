import { randomUUID } from 'node:crypto'
import type { Queue } from '../infra/queue.ts'
import type { SearchIndexRepository } from './search-index.repository.ts'
import { indexTraces } from './trace.jobs.ts'

export type SearchIndexService = ReturnType<typeof createSearchIndexService>

interface Dependencies {
  index: SearchIndexRepository
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
  let timer: NodeJS.Timeout | undefined
  let sent = Promise.resolve()

  function send(): void {
    clearTimeout(timer)
    timer = undefined
    // One that is at work may have looked for the last time: then it is done again.
    const added = queue.add(indexTraces, {}, { id, againIfActive: true })
    sent = Promise.all([sent, added.catch(onError)]).then(() => {})
  }

  /** What was nudged for before is in the queue. */
  async function flush(): Promise<void> {
    if (timer) send()
    await sent
  }

  return {
    /** Something is due. Many in a short while are one. */
    nudge(): void {
      timer ??= setTimeout(send, nudgeMs)
    },

    /** Until nothing is due but what others are at: they look again when they are done with it. */
    async indexDue(signal: AbortSignal): Promise<void> {
      while (await index.indexSome()) signal.throwIfAborted()
    },

    flush,
    close: flush,
  }
}
