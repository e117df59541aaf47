import { createHash, timingSafeEqual } from 'node:crypto'
import { ForbiddenError, InvalidInputError } from '../errors.ts'
import { randomText } from '../ids.ts'
import { requireName } from './name.ts'

export const scopes = ['INGEST', 'READ', 'EDIT', 'RUN', 'PUBLISH', 'ADMIN', 'OPERATOR'] as const
export type Scope = (typeof scopes)[number]

/** What the first key of a tenant may do: everything within it. */
export const tenantScopes: readonly Scope[] = scopes.filter((scope) => scope !== 'OPERATOR')

export interface ApiKey {
  tenantId: string
  id: string
  name: string
  scopes: Scope[]
  expiresAt: Date | null
  revokedAt: Date | null
  lastUsedAt: Date | null
  createdAt: Date
}

/** A key as it is stored; the secret itself is given out once and never kept. */
export interface StoredKey extends ApiKey {
  secretHash: Uint8Array
}

export interface CreateApiKeyInput {
  name: string
  scopes: readonly Scope[]
  expiresAt?: Date | null | undefined
}

export interface KeyParts {
  id: string
  secret: string
}

export function parseApiKey(text: string): KeyParts | null {
  const match = /^tm_([a-z0-9]{4,40})_([A-Za-z0-9]{40,128})$/.exec(text)
  return match?.[1] && match[2] ? { id: match[1], secret: match[2] } : null
}

export function formatApiKey({ id, secret }: KeyParts): string {
  return `tm_${id}_${secret}`
}

/** 80 bits to find it by, 200 bits that nobody can guess. */
export function mintKey(): KeyParts {
  return { id: randomText(80), secret: randomText(200) }
}

/** A secret of 160 random bits and more needs no slow hash: there is nothing to try out. */
export function hashSecret(secret: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(secret).digest())
}

export function isSecretOf(key: StoredKey, secret: string): boolean {
  return timingSafeEqual(key.secretHash, hashSecret(secret))
}

export type KeyState = 'live' | 'revoked' | 'expired'

export function keyState(key: Pick<ApiKey, 'revokedAt' | 'expiresAt'>, now: Date): KeyState {
  if (key.revokedAt) return 'revoked'
  return key.expiresAt && key.expiresAt <= now ? 'expired' : 'live'
}

export function newKey(tenantId: string, input: CreateApiKeyInput, parts = mintKey(), now = new Date()): StoredKey {
  return {
    tenantId,
    id: parts.id,
    name: requireName(input.name, 'input.name'),
    scopes: scopes.filter((scope) => input.scopes.includes(scope)),
    secretHash: hashSecret(parts.secret),
    expiresAt: input.expiresAt ?? null,
    revokedAt: null,
    lastUsedAt: null,
    createdAt: now,
  }
}

/** A key can't give what it hasn't got: no scope of others, no longer life than its own. */
export function checkGrant(
  giver: { scopes: readonly Scope[]; expiresAt: Date | null },
  input: CreateApiKeyInput,
  now: Date,
): void {
  if (input.scopes.length === 0) {
    throw new InvalidInputError('input.scopes', 'A key needs at least one scope, got none.')
  }
  if (input.expiresAt && input.expiresAt <= now) {
    throw new InvalidInputError(
      'input.expiresAt',
      `expiresAt must lie in the future, got ${input.expiresAt.toISOString()}.`,
    )
  }
  const lacking = input.scopes.filter((scope) => !giver.scopes.includes(scope))
  if (lacking.length > 0) {
    throw new ForbiddenError(`Your key can't give scopes that it hasn't got: ${lacking.join(', ')}.`, {
      field: 'input.scopes',
    })
  }
  if (giver.expiresAt && (!input.expiresAt || input.expiresAt > giver.expiresAt)) {
    throw new ForbiddenError(
      `Your key expires at ${giver.expiresAt.toISOString()} and can't give one that lives longer.`,
      { field: 'input.expiresAt' },
    )
  }
}

/** What a key can't give, it can't take away: else an ADMIN could lock the operator out. */
export function checkRevocation(viewer: { scopes: readonly Scope[] }, key: Pick<ApiKey, 'scopes'>): void {
  if (!key.scopes.includes('OPERATOR') || viewer.scopes.includes('OPERATOR')) return
  throw new ForbiddenError('This key has the scope OPERATOR: only a key that has it too can revoke it.', {
    field: 'id',
  })
}
