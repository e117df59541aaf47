import type { Prisma, PrismaClient } from '../generated/prisma/client.ts'
import { isUniqueViolation } from '../infra/prisma.ts'
import type { StoredKey } from './api-key.ts'
import { SlugTakenError, type Tenant, type TenantChange } from './tenant.ts'

export type TenantRepository = ReturnType<typeof createTenantRepository>

const columns = {
  id: true,
  slug: true,
  name: true,
  monthlySpanLimit: true,
  retentionDays: true,
  createdAt: true,
} satisfies Prisma.TenantSelect

export function createTenantRepository(prisma: PrismaClient) {
  return {
    async findTenants(ids: readonly string[]): Promise<Tenant[]> {
      return prisma.tenant.findMany({ where: { id: { in: [...ids] } }, select: columns })
    },

    async findTenantBySlug(slug: string): Promise<Tenant | null> {
      return prisma.tenant.findUnique({ where: { slug }, select: columns })
    },

    /** Tenants that don't keep everything, in pages by id. */
    async listRetainedTenants(afterId: string, limit: number): Promise<Tenant[]> {
      const where = { id: { gt: afterId }, retentionDays: { not: null } }
      return prisma.tenant.findMany({ where, select: columns, orderBy: { id: 'asc' }, take: limit })
    },

    /** The tenant and its first key, or neither. */
    async insertTenant(tenant: Tenant, firstKey: Omit<StoredKey, 'tenantId'>): Promise<void> {
      const key = { ...firstKey, secretHash: new Uint8Array(firstKey.secretHash) }
      try {
        await prisma.tenant.create({ data: { ...tenant, apiKeys: { create: key } } })
      } catch (error) {
        throw isUniqueViolation(error) ? new SlugTakenError(tenant.slug) : error
      }
    },

    async updateTenant(id: string, change: TenantChange): Promise<Tenant | null> {
      const [tenant] = await prisma.tenant.updateManyAndReturn({ where: { id }, data: change, select: columns })
      return tenant ?? null
    },

    async findSecretCheck(id: string): Promise<Uint8Array | null> {
      const tenant = await prisma.tenant.findUnique({ where: { id }, select: { secretCheck: true } })
      return tenant?.secretCheck ?? null
    },

    async storeSecretCheck(id: string, secretCheck: Uint8Array): Promise<void> {
      await prisma.tenant.update({ where: { id }, data: { secretCheck: new Uint8Array(secretCheck) } })
    },
  }
}
