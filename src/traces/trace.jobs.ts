import { z } from 'zod'
import { defineJob } from '../job.ts'

/** Indexes for search what came in, until nothing is due. What it fails at is still due at the next sweep. */
export const indexTraces = defineJob({
  name: 'traces.index',
  payload: z.object({}),
  attempts: 3,
  backoffMs: 5_000,
})

/** Finds what was due when its nudge got lost. */
export const indexTracesAt = '* * * * *'
