import { type RetentionRule, retentionStart } from './retention.ts'
import type { TenantRepository } from './tenant.repository.ts'

const tenantsAPage = 100
const rowsABatch = 5_000

interface Dependencies {
  tenants: TenantRepository
  rules: readonly RetentionRule[]
  onRemoved: (removed: { tenantId: string; rule: string; rows: number }) => void
}

/** Not a viewer's use case: the daily job calls it. What fails for one tenant doesn't keep the others from theirs. */
export function createRetentionService({ tenants, rules, onRemoved }: Dependencies) {
  async function removeAll(rule: RetentionRule, tenantId: string, before: Date): Promise<void> {
    let rows = 0
    for (let removed = rowsABatch; removed >= rowsABatch; rows += removed) {
      removed = await rule.removeBefore(tenantId, before, rowsABatch)
    }
    if (rows > 0) onRemoved({ tenantId, rule: rule.name, rows })
  }

  return {
    async retain(now: Date): Promise<void> {
      const failures: unknown[] = []
      for (let after = '', full = true; full; ) {
        const page = await tenants.listRetainedTenants(after, tenantsAPage)
        for (const { id, retentionDays } of page) {
          if (retentionDays === null) continue
          for (const rule of rules) {
            await removeAll(rule, id, retentionStart(retentionDays, now)).catch((error) => failures.push(error))
          }
        }
        after = page.at(-1)?.id ?? ''
        full = page.length === tenantsAPage
      }
      if (failures.length > 0) throw new AggregateError(failures, `${failures.length} retention rule(s) failed`)
    },
  }
}
