import type { Logger } from './logger.ts'

/**
 * One line when a dependency stops answering and one when it answers again, however often it is tried in between.
 * `began` and `ended` may be called at every try. Two states: answering, not answering.
 */
export interface Outage {
  began(error: unknown): void
  ended(): void
}

export function createOutage(logger: Logger, what: string): Outage {
  let since: number | undefined

  return {
    began(error) {
      if (since !== undefined) return logger.trace({ err: error }, `${what} still does not answer`)
      since = Date.now()
      logger.warn({ err: error }, `${what} does not answer; trying again until it does`)
    },
    ended() {
      if (since === undefined) return
      logger.info({ outageMs: Date.now() - since }, `${what} answers again`)
      since = undefined
    },
  }
}
