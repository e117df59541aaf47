import type { Pool, PoolClient } from 'pg'
import { inTransaction } from '../infra/transaction.ts'
import { holdHead } from './ledger-head.repository.ts'
import type { SealedKey } from './ledger-key.ts'
import type { LedgerPublicKey, StoredLedgerKey } from './ledger-public-key.ts'

export type LedgerKeyRepository = ReturnType<typeof createLedgerKeyRepository>

/** What makes keys and takes the private half from them. */
export interface KeyMaker {
  mintKey(now: Date): SealedKey
  retireKey(key: SealedKey, now: Date): Uint8Array
}

/** Null: it was the first. */
export interface Rotation {
  retiredId: string | null
  id: string
  at: Date
}

export function createLedgerKeyRepository(pool: Pool) {
  return {
    /** Of all tenants, the newest first; one of an id where that is asked for. */
    async listPublicKeys(limit: number, id: string | null = null): Promise<LedgerPublicKey[]> {
      const { rows } = await pool.query(listPublicKeys, [limit, id])
      return rows
    },

    /** Whose ledgers have a key, in pages by id. */
    async listLedgerIds(afterId: string, limit: number): Promise<string[]> {
      const { rows } = await pool.query(listLedgerIds, [afterId, limit])
      return rows.map(({ id }) => id)
    },

    /** The first key of a tenant, where it has none. */
    async ensureKey(tenantId: string, keys: KeyMaker): Promise<void> {
      const { rowCount } = await pool.query('select from ledger_keys where tenant_id = $1 limit 1', [tenantId])
      if (rowCount) return
      await inTransaction(pool, async (client) => {
        await holdHead(client, tenantId)
        const current = await findCurrentKey(client, tenantId)
        const now = new Date()
        if (!current) await insertKey(client, tenantId, keys.mintKey(now), now)
      })
    },

    /**
     * A new key in the place of the one that signs. Whoever signs holds the ledger's head, and so does this: every entry
     * of the former key is committed before, and every later one is of the new key.
     */
    async rotateKey(tenantId: string, keys: KeyMaker): Promise<Rotation> {
      return inTransaction(pool, async (client) => {
        const { signedAt: lastAt } = await holdHead(client, tenantId)
        const current = await findCurrentKey(client, tenantId)
        // Clocks differ: what is later in the ledger has the later time.
        const at = new Date(Math.max(Date.now(), lastAt.getTime(), current ? current.createdAt.getTime() + 1 : 0))
        if (current) await client.query(retireKey, [tenantId, current.id, keys.retireKey(current, at), at])
        const next = keys.mintKey(at)
        await insertKey(client, tenantId, next, at)
        return { retiredId: current?.id ?? null, id: next.id, at }
      })
    },
  }
}

/** All that a tenant ever had, the first one first. */
export async function listLedgerKeys(client: PoolClient, tenantId: string): Promise<StoredLedgerKey[]> {
  const { rows } = await client.query(listKeys, [tenantId])
  return rows
}

/** The one that signs. */
export async function findCurrentKey(client: PoolClient, tenantId: string): Promise<StoredLedgerKey | null> {
  const { rows } = await client.query(findCurrent, [tenantId])
  return rows[0] ?? null
}

export async function insertKey(client: PoolClient, tenantId: string, key: SealedKey, at: Date): Promise<void> {
  await client.query(insertOne, [tenantId, key.id, key.publicKey, key.sealedKey, at])
}

const publicColumns = 'id, public_key as "publicKey", created_at as "createdAt", retired_at as "retiredAt"'

const columns = `${publicColumns}, sealed_key as "sealedKey"`

const listKeys = `select ${columns} from ledger_keys where tenant_id = $1 order by created_at, id`

const findCurrent = `
  select ${columns} from ledger_keys where tenant_id = $1 and retired_at is null order by created_at desc, id limit 1`

const listPublicKeys = `
  select ${publicColumns} from ledger_keys where $2::text is null or id = $2 order by created_at desc, id limit $1`

const listLedgerIds = `
  select distinct tenant_id as id from ledger_keys where tenant_id > $1 order by 1 limit $2`

const retireKey = 'update ledger_keys set sealed_key = $3, retired_at = $4 where tenant_id = $1 and id = $2'

const insertOne = `
  insert into ledger_keys (tenant_id, id, public_key, sealed_key, created_at) values ($1, $2, $3, $4, $5)`
