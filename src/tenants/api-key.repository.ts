import type { Pool } from 'pg'
import type { Prisma, PrismaClient } from '../generated/prisma/client.ts'
import { type ApiKey, type Scope, type StoredKey, scopes } from './api-key.ts'

export type ApiKeyRepository = ReturnType<typeof createApiKeyRepository>

export interface KeyUse {
  tenantId: string
  id: string
  at: Date
}

const columns = {
  tenantId: true,
  id: true,
  name: true,
  scopes: true,
  expiresAt: true,
  revokedAt: true,
  lastUsedAt: true,
  createdAt: true,
} satisfies Prisma.ApiKeySelect

export function createApiKeyRepository(prisma: PrismaClient, pool: Pool) {
  return {
    async findKeys(tenantId: string, ids: readonly string[]): Promise<ApiKey[]> {
      const rows = await prisma.apiKey.findMany({ where: { tenantId, id: { in: [...ids] } }, select: columns })
      return rows.map(toApiKey)
    },

    /** Oldest first: the order in which they were made. */
    async listKeys(tenantId: string): Promise<ApiKey[]> {
      const orderBy = [{ createdAt: 'asc' as const }, { id: 'asc' as const }]
      return (await prisma.apiKey.findMany({ where: { tenantId }, select: columns, orderBy })).map(toApiKey)
    },

    async insertKey(key: StoredKey): Promise<void> {
      await prisma.apiKey.create({ data: { ...key, secretHash: new Uint8Array(key.secretHash) } })
    },

    async replaceSecret(tenantId: string, id: string, secretHash: Uint8Array): Promise<void> {
      const data = { secretHash: new Uint8Array(secretHash) }
      await prisma.apiKey.update({ where: { tenantId_id: { tenantId, id } }, data })
    },

    /** The first revocation stays; null when the tenant has no such key. */
    async revokeKey(tenantId: string, id: string, now: Date): Promise<ApiKey | null> {
      await prisma.apiKey.updateMany({ where: { tenantId, id, revokedAt: null }, data: { revokedAt: now } })
      const row = await prisma.apiKey.findUnique({ where: { tenantId_id: { tenantId, id } }, select: columns })
      return row && toApiKey(row)
    },

    /** By public id alone, for authentication: plain SQL, as it stands before every request (cached for a second). */
    async findStoredKey(id: string): Promise<StoredKey | null> {
      const { rows } = await pool.query({ name: 'find-stored-key', text: findStoredKey, values: [id] })
      return rows[0] ? { ...rows[0], scopes: knownScopes(rows[0].scopes) } : null
    },

    /** Which of these keys are revoked, expired or gone. */
    async findEndedKeys(ids: readonly string[], now: Date): Promise<string[]> {
      const { rows } = await pool.query({ name: 'find-ended-keys', text: findEndedKeys, values: [ids, now] })
      return rows.map((row) => row.id)
    },

    async storeKeyUses(uses: readonly KeyUse[]): Promise<void> {
      const values = [uses.map((use) => use.tenantId), uses.map((use) => use.id), uses.map((use) => use.at)]
      await pool.query({ name: 'store-key-uses', text: storeKeyUses, values })
    },

    async removeEndedKeys(tenantId: string, before: Date, limit: number): Promise<number> {
      const { rowCount } = await pool.query(removeEndedKeys, [tenantId, before, limit])
      return rowCount ?? 0
    },
  }
}

function toApiKey(row: Omit<ApiKey, 'scopes'> & { scopes: string[] }): ApiKey {
  return { ...row, scopes: knownScopes(row.scopes) }
}

function knownScopes(names: readonly string[]): Scope[] {
  return scopes.filter((scope) => names.includes(scope))
}

const findStoredKey = `
  select tenant_id as "tenantId", id, name, scopes, secret_hash as "secretHash", expires_at as "expiresAt",
         revoked_at as "revokedAt", last_used_at as "lastUsedAt", created_at as "createdAt"
  from api_keys where id = $1`

const findEndedKeys = `
  select asked.id from unnest($1::text[]) as asked(id) left join api_keys k on k.id = asked.id
  where k.id is null or k.revoked_at is not null or k.expires_at <= $2`

/** Locked in one order, so that two processes which saw the same keys don't wait for each other. */
const storeKeyUses = `
  with used as (select * from unnest($1::text[], $2::text[], $3::timestamptz[]) as used(tenant_id, id, at)),
  locked as (
    select tenant_id, id, used.at from api_keys join used using (tenant_id, id)
    order by tenant_id, id for no key update of api_keys)
  update api_keys k set last_used_at = greatest(k.last_used_at, locked.at)
  from locked where k.tenant_id = locked.tenant_id and k.id = locked.id`

// A revoked key of the operator stays: where it is gone, the next start would put TRACEMEND_OPERATOR_KEY back, alive.
const removeEndedKeys = `
  delete from api_keys where tenant_id = $1 and id in (
    select id from api_keys
    where tenant_id = $1 and least(revoked_at, expires_at) < $2 and not 'OPERATOR' = any(scopes) limit $3)`
