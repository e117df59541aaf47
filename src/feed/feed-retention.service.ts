import type { FeedRetentionRepository } from './feed-retention.repository.ts'

const tenantsAPage = 1_000
const rowsABatch = 5_000
const hourMs = 3_600_000

interface Dependencies {
  feed: FeedRetentionRepository
  hours: number
  onRemoved: (removed: { tenantId: string; rows: number }) => void
  onFuture: (removed: { tenantId: string; rows: number; floors: number }) => void
}

/** Not a viewer's use case: a job calls it. What fails for one tenant doesn't keep the others from theirs. */
export function createFeedRetentionService({ feed, hours, onRemoved, onFuture }: Dependencies) {
  async function removeBefore(tenantId: string, before: Date, signal?: AbortSignal): Promise<void> {
    let rows = 0
    try {
      for (let removed = rowsABatch; removed >= rowsABatch; rows += removed) {
        signal?.throwIfAborted()
        removed = await feed.removeBefore(tenantId, before, rowsABatch)
      }
    } finally {
      if (rows > 0) onRemoved({ tenantId, rows })
    }
  }

  async function removeFuture(tenantId: string, signal?: AbortSignal): Promise<void> {
    const sum = { tenantId, rows: 0, floors: 0 }
    try {
      for (let removed = rowsABatch; removed >= rowsABatch; ) {
        signal?.throwIfAborted()
        const { rows, floors } = await feed.removeFuture(tenantId, rowsABatch)
        removed = rows
        sum.rows += rows
        sum.floors += floors
      }
    } finally {
      if (sum.rows + sum.floors > 0) onFuture(sum)
    }
  }

  return {
    async trim(now: Date, signal?: AbortSignal): Promise<void> {
      const before = new Date(now.getTime() - hours * hourMs)
      const failures: unknown[] = []
      for (let after = '', full = true; full; ) {
        const page = await feed.listFeeds(after, before, tenantsAPage)
        for (const { tenantId, isOld, hasFuture } of page) {
          try {
            // First: from a floor in the future on, there is nothing old.
            if (hasFuture) await removeFuture(tenantId, signal)
            if (isOld || hasFuture) await removeBefore(tenantId, before, signal)
          } catch (error) {
            signal?.throwIfAborted()
            failures.push(error)
          }
        }
        after = page.at(-1)?.tenantId ?? ''
        full = page.length === tenantsAPage
      }
      if (failures.length > 0) throw new AggregateError(failures, `the feeds of ${failures.length} tenant(s) failed`)
    },
  }
}
