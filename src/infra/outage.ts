import type { Logger } from './logger.ts'

/**
 * One line when a dependency stops answering and one when it answers again, however often it is tried in between.
 * `began` and `ended` may be called at every try. States: answering; not answering; forgotten, because
 * whoever closes a connection does not want to hear that it was closed.
 */
export interface Outage {
  began(error: unknown): void
  ended(): void
  forget(): void
}

export function createOutage(logger: Logger, what: string): Outage {
  let since: number | undefined
  let isForgotten = false

  return {
    began(error) {
      if (isForgotten) return
      if (since !== undefined) return logger.trace({ err: error }, `${what} still does not answer`)
      since = Date.now()
      logger.warn({ err: error }, `${what} does not answer; trying again until it does`)
    },
    ended() {
      if (since === undefined || isForgotten) return
      logger.info({ outageMs: Date.now() - since }, `${what} answers again`)
      since = undefined
    },
    forget() {
      isForgotten = true
    },
  }
}
