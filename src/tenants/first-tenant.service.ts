import { StartError } from '../errors.ts'
import type { ApiKeyRepository } from './api-key.repository.ts'
import { formatApiKey, hashSecret, isSecretOf, keyState, mintKey, newKey, parseApiKey, scopes } from './api-key.ts'
import type { TenantRepository } from './tenant.repository.ts'
import { newTenant, type Tenant } from './tenant.ts'

interface Dependencies {
  tenants: TenantRepository
  keys: ApiKeyRepository
  /** Seals what is stored encrypted; its check tells a changed secret before anything is lost by it. */
  secretBox: { seal(text: string): Uint8Array; open(sealed: Uint8Array): string }
  onWarning: (message: string) => void
  /**
   * This is the only moment at which anybody can read it. It comes before the key is stored: the other way round, a
   * start that ends in between would leave a key that nobody has seen.
   */
  onFirstKey: (key: string) => void
}

const firstSlug = 'default'
const secretCheckText = 'tracemend'

/**
 * Makes the tenant `default` and its first key, once; puts the operator's key in place, at each start. Runs under the
 * lock of the migrations, so that processes which start at once make one tenant and one key.
 */
export async function prepareFirstTenant(deps: Dependencies, operatorKey: string | null): Promise<Tenant> {
  const existing = await deps.tenants.findTenantBySlug(firstSlug)
  if (existing) {
    await checkSecret(deps, existing)
    if (operatorKey) await placeOperatorKey(deps, existing, operatorKey)
    return existing
  }
  const parts = (operatorKey && parseApiKey(operatorKey)) || mintKey()
  const tenant = newTenant({ slug: firstSlug, name: 'Default' })
  const { tenantId: _, ...key } = newKey(tenant.id, { name: 'First key', scopes }, parts)
  if (!operatorKey) deps.onFirstKey(formatApiKey(parts))
  await deps.tenants.insertTenant(tenant, key)
  await deps.tenants.storeSecretCheck(tenant.id, deps.secretBox.seal(secretCheckText))
  return tenant
}

async function checkSecret({ tenants, secretBox }: Dependencies, tenant: Tenant): Promise<void> {
  const sealed = await tenants.findSecretCheck(tenant.id)
  if (!sealed) return tenants.storeSecretCheck(tenant.id, secretBox.seal(secretCheckText))
  try {
    secretBox.open(sealed)
  } catch {
    throw new StartError(
      'TRACEMEND_SECRET is not the one that this database was used with: what is stored encrypted could not be read. ' +
        'Start with the former one.',
    )
  }
}

/** The environment is the truth for its secret, but a key that was revoked stays revoked. */
async function placeOperatorKey({ keys, onWarning }: Dependencies, tenant: Tenant, operatorKey: string): Promise<void> {
  const parts = parseApiKey(operatorKey)
  if (!parts) return
  const stored = await keys.findStoredKey(parts.id)
  if (!stored) return keys.insertKey(newKey(tenant.id, { name: 'Operator key', scopes }, parts))
  if (stored.tenantId !== tenant.id) {
    throw new StartError(
      `TRACEMEND_OPERATOR_KEY: the id "${parts.id}" is that of another tenant's key. Choose another.`,
    )
  }
  if (keyState(stored, new Date()) !== 'live') onWarning('the key of TRACEMEND_OPERATOR_KEY was revoked and stays so')
  if (!isSecretOf(stored, parts.secret)) await keys.replaceSecret(stored.tenantId, stored.id, hashSecret(parts.secret))
}
