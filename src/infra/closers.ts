import type { Logger } from './logger.ts'
import { withinTimeLimit } from './time-limit.ts'

/**
 * What is acquired is released last in, first out. A release that fails or takes longer than its limit is logged
 * and does not keep the rest from being released. `close` may be called any number of times; it runs once.
 */
export interface Closers {
  add(name: string, release: () => unknown, timeoutMs?: number): void
  /** For what takes long to acquire: a close in the middle of it waits for it, and then releases it. */
  acquire<Thing>(acquisition: Acquisition<Thing>): Promise<Thing>
  close(): Promise<void>
}

export interface Acquisition<Thing> {
  name: string
  acquire: () => Promise<Thing>
  release: (thing: Thing) => unknown
  timeoutMs?: number
}

interface Held {
  name: string
  release: () => unknown
  timeoutMs: number
}

export function createClosers(logger: Logger, defaultTimeoutMs = 10_000): Closers {
  const held: Held[] = []
  let closing: Promise<void> | undefined

  function add(name: string, release: () => unknown, timeoutMs = defaultTimeoutMs): void {
    if (closing) throw new Error(`"${name}" was acquired after closing had begun`)
    held.push({ name, release, timeoutMs })
  }

  async function releaseAll(): Promise<void> {
    for (let next = held.pop(); next; next = held.pop()) await release(next, logger)
  }

  return {
    add,
    async acquire({ name, acquire, release, timeoutMs }) {
      let acquiring: ReturnType<typeof acquire> | undefined
      const releaseAcquired = async () => {
        // Whoever waits for the acquisition is told of its failure; then there is nothing to release.
        const [acquired] = await Promise.allSettled([acquiring])
        if (acquired?.status === 'fulfilled' && acquired.value !== undefined) await release(acquired.value)
      }
      add(name, releaseAcquired, timeoutMs)
      acquiring = acquire()
      return acquiring
    },
    close() {
      closing ??= releaseAll()
      return closing
    },
  }
}

async function release({ name, release, timeoutMs }: Held, logger: Logger): Promise<void> {
  try {
    await withinTimeLimit('its release', timeoutMs, Promise.resolve().then(release))
    logger.debug({ name }, 'released')
  } catch (error) {
    logger.error({ name, err: error }, 'could not be released')
  }
}
