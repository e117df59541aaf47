import { NotFoundError } from '../errors.ts'
import type { ApiKeyRepository } from './api-key.repository.ts'
import {
  type ApiKey,
  type CreateApiKeyInput,
  checkGrant,
  checkRevocation,
  formatApiKey,
  mintKey,
  newKey,
} from './api-key.ts'
import { keysTopic, tenantTopic } from './tenant.ts'
import { requireScope, type Viewer } from './viewer.ts'

export interface CreatedApiKey {
  apiKey: ApiKey
  /** The whole key, `tm_<id>_<secret>`: shown this once. */
  secret: string
}

interface Dependencies {
  keys: ApiKeyRepository
  bus: { wake(topic: string): void }
}

export function createApiKeyService({ keys, bus }: Dependencies) {
  return {
    async listApiKeys(viewer: Viewer): Promise<ApiKey[]> {
      requireScope(viewer, 'ADMIN')
      return keys.listKeys(viewer.tenantId)
    },

    async createApiKey(viewer: Viewer, input: CreateApiKeyInput): Promise<CreatedApiKey> {
      requireScope(viewer, 'ADMIN')
      checkGrant(viewer, input, new Date())
      const parts = mintKey()
      const key = newKey(viewer.tenantId, input, parts)
      await keys.insertKey(key)
      return { apiKey: key, secret: formatApiKey(parts) }
    },

    async revokeApiKey(viewer: Viewer, id: string): Promise<ApiKey> {
      requireScope(viewer, 'ADMIN')
      const [known] = isKeyId(id) ? await keys.findKeys(viewer.tenantId, [id]) : []
      if (known) checkRevocation(viewer, known)
      const key = known && (await keys.revokeKey(viewer.tenantId, id, new Date()))
      if (!key) throw new NotFoundError('API key', id, 'id')
      bus.wake(keysTopic(viewer.tenantId))
      bus.wake(tenantTopic(viewer.tenantId))
      return key
    },
  }
}

/** Anything else (a NUL byte, which PostgreSQL refuses) is no id of ours. */
function isKeyId(id: string): boolean {
  return /^[a-z0-9]{4,40}$/.test(id)
}
