import { z } from 'zod'
import { defineJob } from '../job.ts'

/** Makes the model call of a run, if nobody else has begun to. Once: what may have been paid for is not made twice. */
export const runPlayground = defineJob({
  name: 'playground.run',
  payload: z.object({ tenantId: z.string(), runId: z.string() }),
  attempts: 1,
  backoffMs: 0,
})

/** Ends runs whose worker is gone, and finds those whose place in the queue got lost. */
export const sweepRuns = defineJob({ name: 'playground.sweep', payload: z.object({}), attempts: 1, backoffMs: 0 })

export const sweepRunsEveryMs = 10_000
