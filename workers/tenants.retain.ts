import type { JobHandler } from '../src/infra/workers.ts'
import type { Services } from '../src/services.ts'
import { retainTenants } from '../src/tenants/tenant.jobs.ts'

/** Idempotent: what was removed is not there to be removed again. */
export function retain({ retention }: Pick<Services, 'retention'>): JobHandler<Record<string, never>> {
  return {
    contract: retainTenants,
    handle: () => retention.retain(new Date()),
  }
}
