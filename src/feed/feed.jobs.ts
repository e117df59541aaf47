import { z } from 'zod'
import { defineJob } from '../job.ts'

/** Removes the events that are older than the feed keeps them. What it fails at is done by the next one. */
export const trimFeed = defineJob({
  name: 'feed.trim',
  payload: z.object({}),
  attempts: 3,
  backoffMs: 5_000,
})

export const trimFeedAt = '*/10 * * * *'
