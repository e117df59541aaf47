import type { Queue as BullQueue, Job, Worker, WorkerOptions } from 'bullmq'

/** The part of BullMQ's classes that is used here; their full types are bound to one backend. */
export type OpenQueue = Pick<
  BullQueue,
  | 'name'
  | 'add'
  | 'upsertJobScheduler'
  | 'getJobScheduler'
  | 'getJobState'
  | 'getJobCounts'
  | 'waitUntilReady'
  | 'close'
>
export type RunningWorker = Pick<
  Worker,
  'name' | 'waitUntilReady' | 'isRunning' | 'cancelAllJobs' | 'close' | 'disconnect'
> & { on(event: 'failed', listener: (job: Job | undefined, error: Error) => void): unknown }

export type Processor = (job: Job, token: string | undefined, signal: AbortSignal | undefined) => Promise<void>

export interface StartWorker {
  name: string
  process: Processor
  options: Omit<WorkerOptions, 'connection' | 'prefix'>
}

/**
 * Where BullMQ keeps its jobs. A backend owns its connections and all that BullMQ opens on them reports its errors
 * through it: an outage is one line in the log, never an unhandled error, and ends by itself.
 */
export interface QueueBackend {
  openQueue(name: string): OpenQueue
  startWorker(start: StartWorker): RunningWorker
  /** One at a time for each name, over all processes. */
  inTurn<Result>(name: string, work: () => Promise<Result>): Promise<Result>
  ping(): Promise<void>
  /** Whether the error says that the backend could not be reached, rather than that it refused. */
  isOutage(error: unknown): boolean
  /** After this no connection is open, even if something opened here was never closed. */
  close(): Promise<void>
}

/** BullMQ keeps a stream of what happens to jobs for readers that we don't have: a short tail is enough. */
export const eventTail = { events: { maxLen: 1_000 } }
