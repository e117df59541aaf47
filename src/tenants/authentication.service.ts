import { UnauthenticatedError } from '../errors.ts'
import type { ApiKeyRepository } from './api-key.repository.ts'
import { isSecretOf, keyState, parseApiKey, type StoredKey } from './api-key.ts'
import type { LastUsed } from './last-used.service.ts'
import { keysTopic } from './tenant.ts'
import { anonymous, type Viewer, viewerOf } from './viewer.ts'

export type AuthenticationService = ReturnType<typeof createAuthenticationService>

/** A revoked key is refused after this at the latest, also where no wake-up arrives: well below a second. */
const maxAgeMs = 800
const maxEntries = 10_000

interface Dependencies {
  keys: Pick<ApiKeyRepository, 'findStoredKey'>
  lastUsed: Pick<LastUsed, 'mark'>
  bus: { listen(topic: string, onWake: () => void): () => void }
}

interface Entry {
  key: Promise<StoredKey | null>
  /** Null while it is being looked up. */
  tenantId: string | null
  loadedAt: number
}

/**
 * Who is it? Keys are remembered for a moment, so that a busy client costs one look-up a second and process; a
 * wake-up of its tenant makes the process look again at once.
 */
export function createAuthenticationService({ keys, lastUsed, bus }: Dependencies) {
  const entries = new Map<string, Entry>()
  const listening = new Map<string, () => void>()

  function load(id: string): Promise<StoredKey | null> {
    const known = entries.get(id)
    if (known && Date.now() - known.loadedAt < maxAgeMs) return known.key
    const key = keys.findStoredKey(id)
    const entry: Entry = { key, tenantId: null, loadedAt: Date.now() }
    entries.delete(id)
    entries.set(id, entry)
    key.then(
      (found) => (found ? remember(entry, found) : drop(id, entry)),
      () => drop(id, entry),
    )
    const oldest = entries.size > maxEntries ? entries.keys().next().value : undefined
    if (oldest !== undefined) entries.delete(oldest)
    return key
  }

  function remember(entry: Entry, { tenantId }: StoredKey): void {
    entry.tenantId = tenantId
    if (listening.has(tenantId)) return
    const stop = bus.listen(keysTopic(tenantId), () => forget(tenantId))
    listening.set(tenantId, stop)
  }

  function drop(id: string, entry: Entry): void {
    if (entries.get(id) === entry) entries.delete(id)
  }

  /** Also what is being looked up: it may have been read before the change. */
  function forget(tenantId: string): void {
    for (const [id, entry] of entries) {
      if (entry.tenantId === tenantId || entry.tenantId === null) entries.delete(id)
    }
  }

  return {
    /** `header` is what came as Authorization, or null where nothing came: then the viewer is anonymous. */
    async authenticate(header: string | null | undefined): Promise<Viewer> {
      const given = header?.replace(/^Bearer(\s+|$)/i, '').trim()
      if (!given) return anonymous
      const parts = parseApiKey(given)
      if (!parts) throw new UnauthenticatedError('The Authorization header holds no key of the form tm_<id>_<secret>.')
      const key = await load(parts.id)
      if (!key || !isSecretOf(key, parts.secret)) throw new UnauthenticatedError('This API key is not known.')
      const state = keyState(key, new Date())
      if (state !== 'live') throw new UnauthenticatedError(`This API key is ${state}.`, 'Ask for a new key.')
      lastUsed.mark(key)
      return viewerOf(key)
    },

    close(): void {
      for (const stop of listening.values()) stop()
      listening.clear()
    },
  }
}
