import { z } from 'zod'
import { defineJob } from '../../src/job.ts'

/** The one job that a test and the process it starts both know. */
export const longJob = defineJob({
  name: 'test.long',
  payload: z.object({ number: z.number() }),
  attempts: 1,
  backoffMs: 10,
})
