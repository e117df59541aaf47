import type { z } from 'zod'

/** What a job is called and carries. Parsed where it is enqueued and again where it is handled. */
export interface JobContract<Payload = unknown> {
  /** `domain.verb`, as its handler's file is called. */
  name: string
  payload: z.ZodType<Payload>
  /** How often it is tried in all. Handlers are idempotent: a job may come twice. */
  attempts: number
  /** The wait before the second attempt; doubled before each further one. */
  backoffMs: number
}

export function defineJob<Payload>(contract: JobContract<Payload>): JobContract<Payload> {
  return contract
}
