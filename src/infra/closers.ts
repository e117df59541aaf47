import type { Logger } from './logger.ts'

/**
 * What is acquired is released last in, first out. A release that fails or takes longer than its limit is logged
 * and does not keep the rest from being released. `close` may be called any number of times; it runs once.
 */
export interface Closers {
  add(name: string, release: () => unknown, timeoutMs?: number): void
  close(): Promise<void>
}

interface Held {
  name: string
  release: () => unknown
  timeoutMs: number
}

export function createClosers(logger: Logger, defaultTimeoutMs = 10_000): Closers {
  const held: Held[] = []
  let closing: Promise<void> | undefined

  async function releaseAll(): Promise<void> {
    for (let next = held.pop(); next; next = held.pop()) await release(next, logger)
  }

  return {
    add(name, release, timeoutMs = defaultTimeoutMs) {
      if (closing) throw new Error(`"${name}" was acquired after closing had begun`)
      held.push({ name, release, timeoutMs })
    },
    close() {
      closing ??= releaseAll()
      return closing
    },
  }
}

async function release({ name, release, timeoutMs }: Held, logger: Logger): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took longer than ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    await Promise.race([Promise.resolve().then(release), timeout])
    logger.debug({ name }, 'released')
  } catch (error) {
    logger.error({ name, err: error }, 'could not be released')
  } finally {
    clearTimeout(timer)
  }
}
