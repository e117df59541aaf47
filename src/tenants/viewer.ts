import { ForbiddenError, UnauthenticatedError } from '../errors.ts'
import type { ApiKey, Scope } from './api-key.ts'
import type { Tenant } from './tenant.ts'

/** Whoever holds the key of a request. Every service takes it first and asks it before anything else. */
export interface Viewer {
  tenantId: string
  keyId: string
  /** What the key is called. */
  keyName: string
  scopes: readonly Scope[]
  expiresAt: Date | null
}

/** A request without a key: it may introspect the schema, and is refused by every service. */
export const anonymous: Viewer = { tenantId: '', keyId: '', keyName: '', scopes: [], expiresAt: null }

/** The viewer as its client sees it. */
export interface ViewerState {
  tenant: Tenant
  apiKey: ApiKey
}

export function viewerOf(key: ApiKey): Viewer {
  return { tenantId: key.tenantId, keyId: key.id, keyName: key.name, scopes: key.scopes, expiresAt: key.expiresAt }
}

export function requireKey(viewer: Viewer): void {
  if (viewer === anonymous) throw new UnauthenticatedError('This needs an API key, and the request had none.')
}

export function requireScope(viewer: Viewer, scope: Scope): void {
  requireKey(viewer)
  if (!viewer.scopes.includes(scope)) {
    throw new ForbiddenError(`This needs the scope ${scope}; your key has ${viewer.scopes.join(', ') || 'none'}.`)
  }
}
