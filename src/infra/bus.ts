import { setTimeout as pause } from 'node:timers/promises'
import { UnavailableError } from '../errors.ts'
import { createBusListeners } from './bus-listeners.ts'
import { createBusOutbox } from './bus-outbox.ts'
import { openPostgresWire } from './bus-postgres.ts'
import { openRedisWire } from './bus-redis.ts'
import type { Logger } from './logger.ts'
import { withinTimeLimit } from './time-limit.ts'

/**
 * Wake-ups between processes. The bus only hurries; the table is the truth. A wake-up carries no data, may be merged
 * with others of its topic, and may come for nothing; but after a `wake`, every listener that is connected or comes
 * back is called at least once more. The way is the same for a listener in this process and in another one.
 * A wake-up is never waited for, never throws, and an outage never makes the process grow.
 */
export interface Bus {
  /** To be called after the commit of what there is to see. */
  wake(topic: string): void
  /** Returns what ends the listening. After an outage every listener is called, for what it may have missed. */
  listen(topic: string, onWake: () => void): () => void
  /** Throws UNAVAILABLE when the bus does not answer in time. */
  ping(): Promise<void>
  /** Resolves when everything that was woken before has been sent. */
  drain(): Promise<void>
  /** Sends what is left, if it can be sent soon. */
  close(): Promise<void>
}

export interface BusOptions {
  databaseUrl: string
  redisUrl: string | null
  logger: Logger
  /** Keeps several installations on one database or Redis apart. */
  prefix?: string
  heartbeatMs?: number
}

const pingMs = 3_000
const lastWordsMs = 1_000
/** PostgreSQL refuses notifications of 8,000 bytes; a topic is a name. */
const maxTopicBytes = 1_000

export async function createBus(options: BusOptions): Promise<Bus> {
  const { databaseUrl, redisUrl, logger, prefix = 'tracemend', heartbeatMs = 10_000 } = options
  const listeners = createBusListeners(logger)
  const ears = { channel: `${prefix}.wake`, logger, onTopic: listeners.arrived, onGap: listeners.wakeAll }
  const wire = redisUrl === null ? await openPostgresWire(databaseUrl, ears) : await openRedisWire(redisUrl, ears)
  const outbox = createBusOutbox((topics) => wire.send(topics))
  const closing = new AbortController()

  // A connection whose other end vanished without a word would be silent for good: only asking tells.
  async function beat(): Promise<void> {
    while (!closing.signal.aborted) {
      await pause(heartbeatMs, undefined, { signal: closing.signal, ref: false })
      await withinTimeLimit('the heartbeat of the bus', pingMs, wire.ping()).catch((error) => wire.reset(error))
    }
  }
  beat().catch(() => {})

  return {
    wake(topic) {
      if (Buffer.byteLength(topic) > maxTopicBytes) logger.error({ topic: topic.slice(0, 100) }, 'a topic is too long')
      else outbox.put(topic)
    },
    listen: listeners.add,
    async ping() {
      try {
        await withinTimeLimit('the bus', pingMs, wire.ping())
      } catch (error) {
        throw new UnavailableError('The bus does not answer.', error)
      }
    },
    drain: () => outbox.drain(),
    async close() {
      closing.abort()
      await withinTimeLimit('the last wake-ups', lastWordsMs, outbox.drain()).catch((error) => {
        logger.warn({ err: error }, 'the bus was closed before everything was sent')
      })
      outbox.close()
      await wire.close()
      listeners.clear()
    },
  }
}
