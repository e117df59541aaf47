import { everyTopic } from './bus-wire.ts'
import type { Logger } from './logger.ts'

/**
 * Who listens to what in this process. Topics that arrive in the same turn of the event loop are delivered once each,
 * after it; a listener that throws is logged and harms no other; one that was removed is not called any more, not even
 * for what had already arrived.
 */
export interface BusListeners {
  add(topic: string, onWake: () => void): () => void
  arrived(topic: string): void
  wakeAll(): void
  clear(): void
}

export function createBusListeners(logger: Logger): BusListeners {
  // A listener is wrapped, so that the same function may listen twice and stop once.
  const byTopic = new Map<string, Set<{ onWake: () => void }>>()
  let due = new Set<string>()

  function deliver(): void {
    const topics = due.has(everyTopic) ? [...byTopic.keys()] : [...due]
    due = new Set()
    for (const topic of topics) {
      for (const listener of [...(byTopic.get(topic) ?? [])]) {
        if (byTopic.get(topic)?.has(listener)) call(topic, listener.onWake)
      }
    }
  }

  function call(topic: string, onWake: () => void): void {
    try {
      onWake()
    } catch (error) {
      logger.error({ topic, err: error }, 'a listener of the bus threw')
    }
  }

  function arrived(topic: string): void {
    if (topic !== everyTopic && !byTopic.has(topic)) return
    if (due.size === 0) setImmediate(deliver)
    due.add(topic)
  }

  return {
    add(topic, onWake) {
      const listener = { onWake }
      const listeners = byTopic.get(topic) ?? new Set()
      byTopic.set(topic, listeners.add(listener))
      return () => {
        listeners.delete(listener)
        if (listeners.size === 0 && byTopic.get(topic) === listeners) byTopic.delete(topic)
      }
    },
    arrived,
    wakeAll: () => arrived(everyTopic),
    clear: () => byTopic.clear(),
  }
}
