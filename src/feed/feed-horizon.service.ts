import type { Logger } from '../infra/logger.ts'
import type { FeedHorizonRepository, Horizon, RunningTransaction } from './feed-horizon.repository.ts'

export type FeedHorizon = ReturnType<typeof createFeedHorizon>

interface Dependencies {
  horizon: FeedHorizonRepository
  logger: Pick<Logger, 'info' | 'warn'>
  /** Once, however many looks fail in a row. */
  onError: (error: unknown) => void
  everyMs?: number
  warnAfterMs?: number
  warnAgainMs?: number
}

/**
 * Nobody is shown an event before all transactions have ended that were there when it was written, of any database of
 * the cluster: one that somebody forgot stops everybody's feed. This says so, and which one it is.
 */
export function createFeedHorizon(given: Dependencies) {
  const { horizon, logger, onError, everyMs = 5_000, warnAfterMs = 10_000, warnAgainMs = 60_000 } = given
  /** Since when each of those that run may hold others up. */
  let since = new Map<string, number>()
  let lookedAt = Number.NEGATIVE_INFINITY
  let stalledMs = 0
  let stall: { longestMs: number; warnedAt: number } | undefined
  let isFailing = false
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> | undefined

  async function look(): Promise<void> {
    const began = performance.now()
    const seen = await horizon.look()
    const now = performance.now()
    remember(seen, now)
    lookedAt = began
    isFailing = false
    stalledMs = seen.oldest === null ? 0 : now - (since.get(seen.oldest) ?? now)
    if (stalledMs > warnAfterMs) warn(seen, now)
    else if (stall) {
      logger.info({ stalledSeconds: inSeconds(stall.longestMs) }, 'live events wait for no long transaction any more')
      stall = undefined
    }
  }

  /**
   * A transaction may have read for hours before it wrote: what had no id at the last look has held nobody up until then.
   * Whose age can't be seen counts from when its id was first seen.
   */
  function remember({ oldest, transactions }: Horizon, now: number): void {
    const firstSeen = ({ xid, ageMs }: RunningTransaction) =>
      since.get(xid) ?? (ageMs === null ? now : Math.max(Math.min(now - ageMs, now), lookedAt))
    const remembered = new Map(transactions.map((each) => [each.xid, firstSeen(each)]))
    // Of this one nothing is shown but that it is there.
    if (oldest !== null && !remembered.has(oldest)) remembered.set(oldest, since.get(oldest) ?? now)
    since = remembered
  }

  function warn({ oldest, transactions }: Horizon, now: number): void {
    const { longestMs = 0, warnedAt = Number.NEGATIVE_INFINITY } = stall ?? {}
    const isDue = now - warnedAt >= warnAgainMs
    stall = { longestMs: Math.max(longestMs, stalledMs), warnedAt: isDue ? now : warnedAt }
    if (!isDue) return
    const { ageMs: _, ...holder } = transactions.find(({ xid }) => xid === oldest) ?? { xid: oldest, ageMs: null }
    const known = Object.fromEntries(Object.entries(holder).filter(([, value]) => value !== null))
    const began = new Date(Date.now() - stalledMs).toISOString()
    logger.warn(
      { stalledSeconds: inSeconds(stalledMs), transaction: { ...known, since: began } },
      'a transaction has not ended for long: live events wait for it',
    )
  }

  return {
    /** Looks now and then, until it is closed. */
    watch(): void {
      timer ??= setInterval(() => {
        looking ??= look()
          .catch((error) => {
            if (!isFailing) onError(error)
            isFailing = true
          })
          .finally(() => {
            looking = undefined
          })
      }, everyMs).unref()
    },

    /** For how long, as of the last look, the oldest transaction that writes has held events back; 0: there is none. */
    stalledSeconds: () => stalledMs / 1_000,

    async close(): Promise<void> {
      clearInterval(timer)
      await looking
    },
  }
}

function inSeconds(ms: number): number {
  return Math.round(ms / 100) / 10
}
