import type { KeyUse } from './api-key.repository.ts'
import type { ApiKey } from './api-key.ts'

export type LastUsed = ReturnType<typeof createLastUsed>

interface Dependencies {
  keys: { storeKeyUses(uses: readonly KeyUse[]): Promise<void> }
  onError: (error: unknown) => void
  flushMs?: number
}

/**
 * When each key was last used, written in one statement every few seconds and not with every request. One write at a
 * time: whoever asks for a flush also waits for the one that is on its way.
 */
export function createLastUsed({ keys, onError, flushMs = 5_000 }: Dependencies) {
  let pending = new Map<string, KeyUse>()
  let written = Promise.resolve()
  const timer = setInterval(() => flush().catch(onError), flushMs)
  timer.unref()

  function flush(): Promise<void> {
    const flushed = written.then(writePending)
    written = flushed.catch(() => {})
    return flushed
  }

  async function writePending(): Promise<void> {
    if (pending.size === 0) return
    const uses = pending
    pending = new Map()
    try {
      await keys.storeKeyUses([...uses.values()])
    } catch (error) {
      // Kept for the next flush, unless there is something newer by then.
      for (const [id, use] of uses) if (!pending.has(id)) pending.set(id, use)
      throw error
    }
  }

  return {
    mark({ tenantId, id }: Pick<ApiKey, 'tenantId' | 'id'>): void {
      pending.set(id, { tenantId, id, at: new Date() })
    },
    flush,
    async close(): Promise<void> {
      clearInterval(timer)
      await flush()
    },
  }
}
