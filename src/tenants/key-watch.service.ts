import { UnauthenticatedError } from '../errors.ts'
import { keysTopic } from './tenant.ts'
import type { Viewer } from './viewer.ts'

interface Dependencies {
  keys: { findEndedKeys(ids: readonly string[], now: Date): Promise<string[]> }
  bus: { listen(topic: string, onWake: () => void): () => void }
  onError: (error: unknown) => void
  pollMs?: number
}

interface Watched {
  onEnd: Set<(reason: UnauthenticatedError) => void>
  stopListening: () => void
}

/**
 * Tells whoever holds something open for a key (a subscription) that the key has ended: revoked, expired or deleted.
 * A wake-up of the tenant makes it look at once; one query for all watched keys, twice a second and only while there
 * are any, finds expiry and whatever a lost wake-up would have said.
 */
export function createKeyWatch({ keys, bus, onError, pollMs = 500 }: Dependencies) {
  const watched = new Map<string, Watched>()
  let timer: NodeJS.Timeout | undefined
  let closed = false
  let looking: Promise<void> | undefined
  let lookAgain = false

  /** One look at a time; whatever asks for one meanwhile gets one more after it. */
  function lookSoon(): void {
    lookAgain = true
    looking ??= (async () => {
      while (lookAgain) {
        lookAgain = false
        await look().catch(onError)
      }
      looking = undefined
    })()
  }

  async function look(): Promise<void> {
    if (watched.size === 0) return
    const ended = await keys.findEndedKeys([...watched.keys()], new Date())
    for (const id of ended) {
      const entry = watched.get(id)
      if (!entry) continue
      stop(id, entry)
      const reason = new UnauthenticatedError(
        'This API key was revoked or has expired.',
        'Subscribe again with a live key.',
      )
      for (const tell of entry.onEnd) tell(reason)
    }
  }

  function schedule(): void {
    if (timer || closed || watched.size === 0) return
    timer = setTimeout(() => {
      timer = undefined
      lookSoon()
      schedule()
    }, pollMs)
    timer.unref()
  }

  function stop(id: string, entry: Watched): void {
    entry.stopListening()
    watched.delete(id)
  }

  return {
    /** Calls once when the viewer's key has ended; returns how to stop watching. */
    onceEnded({ keyId, tenantId }: Viewer, tell: (reason: UnauthenticatedError) => void): () => void {
      let entry = watched.get(keyId)
      if (!entry) {
        const stopListening = bus.listen(keysTopic(tenantId), lookSoon)
        entry = { onEnd: new Set(), stopListening }
        watched.set(keyId, entry)
      }
      entry.onEnd.add(tell)
      schedule()
      return () => {
        entry.onEnd.delete(tell)
        if (entry.onEnd.size === 0 && watched.get(keyId) === entry) stop(keyId, entry)
      }
    },

    async close(): Promise<void> {
      closed = true
      clearTimeout(timer)
      for (const [id, entry] of watched) stop(id, entry)
      await looking
    },
  }
}
