import { ForbiddenError, NotFoundError } from '../errors.ts'
import type { CreatedApiKey } from './api-key.service.ts'
import { formatApiKey, mintKey, newKey, tenantScopes } from './api-key.ts'
import type { TenantRepository } from './tenant.repository.ts'
import {
  type CreateTenantInput,
  isTenantId,
  newTenant,
  type Tenant,
  tenantChange,
  tenantTopic,
  type UpdateTenantInput,
} from './tenant.ts'
import { requireScope, type Viewer } from './viewer.ts'

export interface CreatedTenant extends CreatedApiKey {
  tenant: Tenant
}

interface Dependencies {
  tenants: TenantRepository
  bus: { wake(topic: string): void }
}

export function createTenantService({ tenants, bus }: Dependencies) {
  return {
    async createTenant(viewer: Viewer, input: CreateTenantInput): Promise<CreatedTenant> {
      requireScope(viewer, 'OPERATOR')
      const tenant = newTenant(input)
      const parts = mintKey()
      const { tenantId: _, ...key } = newKey(tenant.id, { name: 'First key', scopes: tenantScopes }, parts)
      await tenants.insertTenant(tenant, key)
      return { tenant, apiKey: { ...key, tenantId: tenant.id }, secret: formatApiKey(parts) }
    },

    /** OPERATOR changes whatever it could have said when it made a tenant; ADMIN its own tenant, but not its span limit. */
    async updateTenant(viewer: Viewer, input: UpdateTenantInput, tenantId = viewer.tenantId): Promise<Tenant> {
      const isOperator = viewer.scopes.includes('OPERATOR')
      if (!isOperator) requireScope(viewer, 'ADMIN')
      if (!isTenantId(tenantId) || (tenantId !== viewer.tenantId && !isOperator))
        throw new NotFoundError('tenant', tenantId, 'tenantId')
      if (input.monthlySpanLimit !== undefined && !isOperator) {
        throw new ForbiddenError('monthlySpanLimit is set by the operator: this needs the scope OPERATOR.', {
          field: 'input.monthlySpanLimit',
        })
      }
      const tenant = await tenants.updateTenant(tenantId, tenantChange(input))
      if (!tenant) throw new NotFoundError('tenant', tenantId, 'tenantId')
      bus.wake(tenantTopic(tenantId))
      return tenant
    },
  }
}
