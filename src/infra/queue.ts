import { setTimeout as pause } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { ErrorCode } from 'bullmq'
import { UnavailableError } from '../errors.ts'
import type { JobContract } from '../job.ts'
import type { Logger } from './logger.ts'
import type { OpenQueue, QueueBackend } from './queue-backend.ts'
import { openPostgresQueueBackend } from './queue-postgres.ts'
import { openRedisQueueBackend } from './queue-redis.ts'
import { TimeLimitError, withinTimeLimit } from './time-limit.ts'

/**
 * Delivers jobs at least once, to one worker at a time, on PostgreSQL or on Redis. What was added survives a restart
 * of either side; what meets an outage while being added fails soon with UNAVAILABLE and may have been added or not.
 * Each contract has a queue of its own, because concurrency belongs to the kind of job: minutes of a playground run
 * must never keep retention waiting, nor the other way round. The price is one waiting connection per kind and worker.
 */
export interface Queue {
  /** With an id, nothing is added while an unfinished job of this contract has the same one. */
  add<Payload>(job: JobContract<Payload>, payload: Payload, options?: AddOptions): Promise<void>
  /**
   * One schedule a contract, whichever and however many processes ask for it; the last one says when. Who asks for what
   * is already so changes nothing: a run whose hour came while no worker was there is made once there is one.
   */
  schedule<Payload>(job: JobContract<Payload>, payload: Payload, when: Schedule): Promise<void>
  depth(): Promise<QueueDepth>
  /** Throws UNAVAILABLE when the backend does not answer in time. */
  ping(): Promise<void>
  /** Resolves when nothing is waiting or active; what waits for its hour or for another attempt stands apart. */
  drain(): Promise<void>
  close(): Promise<void>
}

export interface AddOptions {
  id?: string
  /** With an id: while the unfinished one is being handled, one more is kept, and begins when that one has ended. */
  againIfActive?: boolean
  delayMs?: number
}

/** A pattern as cron has it, in UTC. */
export type Schedule = { pattern: string } | { everyMs: number }

export interface QueueDepth {
  waiting: number
  active: number
  delayed: number
  failed: number
}

export interface BackendOptions {
  databaseUrl: string
  redisUrl: string | null
  logger: Logger
  /** Keeps several installations on one Redis apart. */
  prefix?: string
}

export interface QueueOptions extends BackendOptions {
  /** All jobs there are: adding any other is a bug. */
  jobs: readonly JobContract[]
}

const answerMs = 10_000
const pingMs = 3_000
const drainEveryMs = 20
const keepFailed = { count: 1_000, age: 7 * 24 * 3600 }

export async function createQueue({ jobs, prefix, ...options }: QueueOptions): Promise<Queue> {
  const backend = await openQueueBackend(options, 0)
  const queues = new Map(jobs.map((job) => [job.name, backend.openQueue(queueName(job, prefix))]))
  let closed = false

  function queueOf(job: JobContract): OpenQueue {
    const queue = queues.get(job.name)
    if (!queue) throw new Error(`"${job.name}" is not among the jobs that this queue was made for`)
    return queue
  }

  async function depth(): Promise<QueueDepth> {
    const counts = await Promise.all([...queues.values()].map(countJobs))
    return counts.reduce(sum, { waiting: 0, active: 0, delayed: 0, failed: 0 })
  }

  async function isQuiet(): Promise<boolean> {
    const { waiting, active } = await depth()
    return waiting + active === 0
  }

  return {
    async add(job, payload, { id, againIfActive = false, delayMs } = {}) {
      const data = job.payload.parse(payload)
      const deduplication = id === undefined ? {} : { deduplication: { id, keepLastIfActive: againIfActive } }
      const options = { ...attemptsOf(job), ...deduplication, delay: delayMs ?? 0 }
      await answer(backend, queueOf(job).add(job.name, data, options))
    },
    async schedule(job, payload, when) {
      const data = job.payload.parse(payload)
      const repeat: Repeat = 'pattern' in when ? { pattern: when.pattern, tz: 'UTC' } : { every: when.everyMs }
      const template = { name: job.name, data, opts: attemptsOf(job) }
      const queue = queueOf(job)
      async function upsert(): Promise<void> {
        // Written again, a pattern would count from now: its pending run would be lost if it is overdue.
        if (await isScheduled(queue, repeat, template)) return
        await queue.upsertJobScheduler(job.name, repeat, template).catch(ignoreBegunRun)
      }
      // On PostgreSQL, BullMQ reads the schedule and then writes it: two processes at once would both make a run of it.
      await answer(backend, backend.inTurn(queue.name, upsert))
    },
    depth: () => answer(backend, depth()),
    ping: () => answer(backend, backend.ping(), pingMs),
    async drain() {
      // Twice in a row: queues are counted one by one, and a job may enqueue another into one that was just counted.
      for (let quiet = 0; quiet < 2 && !closed; await pause(drainEveryMs)) quiet = (await isQuiet()) ? quiet + 1 : 0
    },
    async close() {
      closed = true
      await Promise.all([...queues.values()].map((queue) => queue.close()))
      await backend.close()
    },
  }
}

export async function openQueueBackend(options: BackendOptions, workers: number): Promise<QueueBackend> {
  const { databaseUrl, redisUrl, logger } = options
  return redisUrl === null
    ? openPostgresQueueBackend({ databaseUrl, workers, logger })
    : openRedisQueueBackend(redisUrl, workers > 0 ? 'work' : 'enqueue', logger)
}

export function queueName(job: JobContract, prefix = 'tracemend'): string {
  return `${prefix}.${job.name}`
}

function attemptsOf({ attempts, backoffMs }: JobContract) {
  return {
    attempts,
    backoff: { type: 'exponential', delay: backoffMs },
    removeOnComplete: true,
    removeOnFail: keepFailed,
  }
}

interface Repeat {
  pattern?: string
  tz?: string
  every?: number
}

interface Template {
  name: string
  data: unknown
  opts: ReturnType<typeof attemptsOf>
}

/** Whether exactly this schedule stands and its next run is still to be made. */
async function isScheduled(queue: OpenQueue, repeat: Repeat, template: Template): Promise<boolean> {
  const found = await queue.getJobScheduler(template.name)
  if (!found?.next) return false
  const { name, pattern, tz, every, template: { data = {}, opts = {} } = {} } = found
  const isSame = isDeepStrictEqual(
    asStored({ name, pattern, tz, every, data, opts }),
    asStored({ ...repeat, ...template }),
  )
  return isSame && pendingStates.has(await queue.getJobState(runId(template.name, found.next)))
}

const pendingStates = new Set(['waiting', 'delayed', 'prioritized'])

/** The id that BullMQ gives to the run of a schedule. */
function runId(name: string, atMs: number): string {
  return `repeat:${name}:${atMs}`
}

/** Without what JSON leaves out: nothing else reaches the backend. */
function asStored(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}

/** The schedule's next run is being handled at this moment and can't be replaced: the schedule stands as it is. */
function ignoreBegunRun(error: Error & { code?: unknown }): void {
  if (error.code !== ErrorCode.SchedulerJobIdCollision && error.code !== ErrorCode.SchedulerJobSlotsBusy) throw error
}

async function countJobs(queue: OpenQueue): Promise<QueueDepth> {
  const counts = await queue.getJobCounts('waiting', 'active', 'delayed', 'failed')
  return {
    waiting: counts.waiting ?? 0,
    active: counts.active ?? 0,
    delayed: counts.delayed ?? 0,
    failed: counts.failed ?? 0,
  }
}

function sum(one: QueueDepth, other: QueueDepth): QueueDepth {
  return {
    waiting: one.waiting + other.waiting,
    active: one.active + other.active,
    delayed: one.delayed + other.delayed,
    failed: one.failed + other.failed,
  }
}

async function answer<Result>(backend: QueueBackend, work: Promise<Result>, ms = answerMs): Promise<Result> {
  try {
    return await withinTimeLimit('the queue', ms, work)
  } catch (error) {
    if (error instanceof TimeLimitError || backend.isOutage(error)) {
      throw new UnavailableError('The queue does not answer.', error)
    }
    throw error
  }
}
