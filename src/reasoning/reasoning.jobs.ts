import { z } from 'zod'
import { defineJob } from '../job.ts'

/** Reckons what records mean, until nothing is due. What it fails at is still due at the next sweep. */
export const embedReasoning = defineJob({
  name: 'reasoning.embed',
  payload: z.object({}),
  attempts: 1,
  backoffMs: 0,
})

/** Finds what was due when its nudge got lost, what a worker that is gone had taken, and what is to be tried again. */
export const embedReasoningEveryMs = 10_000

/** Makes the index of pgvector where the database has it. By itself: it may take minutes. */
export const indexMeanings = defineJob({
  name: 'reasoning.index',
  payload: z.object({}),
  attempts: 1,
  backoffMs: 0,
})

export const indexMeaningsAt = '* * * * *'
