import type { Pool } from 'pg'
import type { StoredProvider } from './provider.ts'

export type ProviderRepository = ReturnType<typeof createProviderRepository>

export function createProviderRepository(pool: Pool) {
  return {
    /** By name. */
    async listProviders(tenantId: string): Promise<StoredProvider[]> {
      const { rows } = await pool.query(listProviders, [tenantId])
      return rows
    },

    async findProvider(tenantId: string, name: string): Promise<StoredProvider | null> {
      const { rows } = await pool.query(findProvider, [tenantId, name])
      return rows[0] ?? null
    },

    /** A key that is not given stays what it was, as long as it goes to the same place. */
    async storeProvider(tenantId: string, { name, type, baseUrl, sealedKey }: StoredProvider): Promise<StoredProvider> {
      const { rows } = await pool.query(storeProvider, [tenantId, name, type, baseUrl, sealedKey, new Date()])
      return rows[0]
    },

    async removeProvider(tenantId: string, name: string): Promise<boolean> {
      const { rowCount } = await pool.query('delete from providers where tenant_id = $1 and name = $2', [
        tenantId,
        name,
      ])
      return rowCount === 1
    },
  }
}

const columns = 'name, type, base_url as "baseUrl", sealed_key as "sealedKey"'

const listProviders = `select ${columns} from providers where tenant_id = $1 order by name`

const findProvider = `select ${columns} from providers where tenant_id = $1 and name = $2`

// Whoever may change the address must not have the key sent there.
const storeProvider = `
  insert into providers (tenant_id, name, type, base_url, sealed_key, updated_at) values ($1, $2, $3, $4, $5, $6)
  on conflict (tenant_id, name) do update set type = excluded.type, base_url = excluded.base_url,
    updated_at = excluded.updated_at,
    sealed_key = coalesce(excluded.sealed_key, case
      when providers.type = excluded.type and providers.base_url is not distinct from excluded.base_url
      then providers.sealed_key end)
  returning ${columns}`
