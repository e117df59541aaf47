import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises'
import { everyTopic } from './bus-wire.ts'

/**
 * Topics on their way out. Two states: idle, sending. Wakes of one turn of the event loop leave together; wakes that
 * come while a batch is on its way become one more, however many. A batch that can't be sent is kept and tried again;
 * too many different topics become one that stands for all, so an outage costs bounded memory.
 */
export interface BusOutbox {
  put(topic: string): void
  drain(): Promise<void>
  close(): void
}

const retryMs = 250
const maxTopics = 10_000

export function createBusOutbox(send: (topics: string[]) => Promise<void>): BusOutbox {
  const closing = new AbortController()
  let due = new Set<string>()
  let sending: Promise<void> | undefined

  function keep(topic: string): void {
    if (due.has(everyTopic)) return
    if (due.size >= maxTopics) due = new Set([everyTopic])
    else due.add(topic)
  }

  async function sendBatch(): Promise<void> {
    const batch = [...due]
    due = new Set()
    try {
      await send(batch)
    } catch {
      // The wire has logged its outage; here it only means: later.
      for (const topic of batch) keep(topic)
      await pause(retryMs, undefined, { signal: closing.signal }).catch(() => {})
    }
  }

  async function sendAll(): Promise<void> {
    await nextTurn()
    while (due.size > 0 && !closing.signal.aborted) await sendBatch()
    // In the same breath as the last look at `due`, so that no topic falls between two loops.
    sending = undefined
  }

  return {
    put(topic) {
      if (closing.signal.aborted) return
      keep(topic)
      sending ??= sendAll()
    },
    drain: async () => sending,
    close: () => closing.abort(),
  }
}
