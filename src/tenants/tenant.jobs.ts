import { z } from 'zod'
import { defineJob } from '../job.ts'

/** Removes what every tenant's retention says is too old; daily. */
export const retainTenants = defineJob({
  name: 'tenants.retain',
  payload: z.object({}),
  attempts: 5,
  backoffMs: 60_000,
})

/** At a quiet hour, in UTC. */
export const retainTenantsAt = '17 3 * * *'
