import { setTimeout as pause } from 'node:timers/promises'
import { UnavailableError } from '../errors.ts'
import { isDatabaseOutage } from './database-errors.ts'
import type { Logger } from './logger.ts'
import { createOutage } from './outage.ts'

/** Does what needs the database again and again for as long as that is away, until it is done or nobody wants it. */
export type Patience = <Result>(signal: AbortSignal, work: () => Promise<Result>) => Promise<Result>

const shortestMs = 50
const longestMs = 2_000

export function createPatience(logger: Logger, what: string): Patience {
  const outage = createOutage(logger, what)
  return async (signal, work) => {
    for (let waitMs = shortestMs; ; waitMs = Math.min(2 * waitMs, longestMs)) {
      signal.throwIfAborted()
      try {
        const result = await work()
        outage.ended()
        return result
      } catch (error) {
        if (!isAway(error)) throw error
        outage.began(error)
        // Half of it by chance: many come back to one database.
        await pause(waitMs * (0.5 + Math.random() / 2), undefined, { signal })
      }
    }
  }
}

/** Whether it failed because the database is away, in the words of the driver or in ours. */
export function isAway(error: unknown): boolean {
  return error instanceof UnavailableError || isDatabaseOutage(error)
}
