import { UnauthenticatedError } from '../errors.ts'
import { filterMap, type WakeupSource } from '../feed/wakeups.ts'
import type { ApiKeyRepository } from './api-key.repository.ts'
import type { TenantRepository } from './tenant.repository.ts'
import { type Tenant, tenantTopic } from './tenant.ts'
import type { UsageRepository } from './usage.repository.ts'
import { monthOf, type Usage, usageThreshold } from './usage.ts'
import { requireKey, requireScope, type Viewer, type ViewerState } from './viewer.ts'

export type ViewerService = ReturnType<typeof createViewerService>

interface Dependencies {
  tenants: TenantRepository
  keys: ApiKeyRepository
  usage: UsageRepository
  wakeups: WakeupSource
}

export function createViewerService({ tenants, keys, usage, wakeups }: Dependencies) {
  async function load(viewer: Viewer): Promise<ViewerState> {
    const [[tenant], [apiKey]] = await Promise.all([
      tenants.findTenants([viewer.tenantId]),
      keys.findKeys(viewer.tenantId, [viewer.keyId]),
    ])
    if (!tenant || !apiKey) throw new UnauthenticatedError('This API key is not known any more.')
    return { tenant, apiKey }
  }

  return {
    async getViewer(viewer: Viewer): Promise<ViewerState> {
      requireKey(viewer)
      return load(viewer)
    },

    /** In the order asked. Of its own tenant; of others, which it makes and limits, to OPERATOR. */
    async listUsage(viewer: Viewer, tenantIds: readonly string[]): Promise<Usage[]> {
      if (tenantIds.some((id) => id !== viewer.tenantId)) requireScope(viewer, 'OPERATOR')
      requireKey(viewer)
      return usage.findUsage(tenantIds, monthOf(new Date()))
    },

    /** Now, and again whenever something changed that the viewer should know of. Its end with the key is the caller's. */
    watchViewer(viewer: Viewer): AsyncIterableIterator<ViewerState> {
      requireKey(viewer)
      let seen = ''
      return filterMap(wakeups(tenantTopic(viewer.tenantId)), async () => {
        const state = await load(viewer)
        const [used] = await usage.findUsage([viewer.tenantId], monthOf(new Date()))
        const now = fingerprint(state, used)
        if (now === seen) return undefined
        seen = now
        return state
      })
    },
  }
}

function fingerprint({ tenant, apiKey }: ViewerState, usage: Usage | undefined): string {
  const { lastUsedAt: _, ...key } = apiKey
  return JSON.stringify([key, tenant satisfies Tenant, usageThreshold(usage ?? { spans: 0 }, tenant.monthlySpanLimit)])
}
