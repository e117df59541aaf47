import { type Job, UnrecoverableError, WaitingError } from 'bullmq'
import { z } from 'zod'
import { UnavailableError } from '../errors.ts'
import type { JobContract } from '../job.ts'
import type { Logger } from './logger.ts'
import { type BackendOptions, openQueueBackend, queueName } from './queue.ts'
import type { Processor, RunningWorker } from './queue-backend.ts'
import { isDoneWithin, withinTimeLimit } from './time-limit.ts'

/**
 * Takes jobs from the queues of its handlers and runs them. A job may come twice: handlers are idempotent.
 * A job ends when its handler resolves, when its attempts are used up, or at once when its payload breaks its contract.
 * A worker that dies leaves its jobs to another, `lostAfterMs` later at the earliest.
 * On close: no new jobs; running handlers may finish; then their signal is aborted and a job whose handler gives up
 * goes back to the queue; a handler that does not even do that is left behind, and its job counts as lost. Closing
 * takes `closeAfterMs` and six seconds at most, whether the queue answers or not.
 */
export interface Workers {
  ping(): Promise<void>
  close(): Promise<void>
}

export interface JobHandler<Payload = unknown> {
  contract: JobContract<Payload>
  /** How many of these this process runs at once, if not as many as of every other kind. */
  concurrency?: number
  handle(payload: Payload, job: RunningJob): Promise<void>
}

export interface RunningJob {
  /** The id that it was added with, or else one that the queue gave. */
  id: string
  /** 1 for the first. */
  attempt: number
  /** Aborted when the process is to end now. */
  signal: AbortSignal
}

export interface WorkersOptions extends BackendOptions {
  handlers: readonly JobHandler[]
  concurrency: number
  lostAfterMs?: number
  closeAfterMs?: number
}

const pingMs = 3_000
const giveUpMs = 2_000
const farewellMs = 1_000

export async function startWorkers(options: WorkersOptions): Promise<Workers> {
  const { handlers, concurrency, prefix, logger, lostAfterMs = 30_000, closeAfterMs = 3_000 } = options
  const backend = await openQueueBackend(options, handlers.length)
  const closing = new AbortController()
  const running = createRunning()

  const workers = handlers.map((handler) => {
    const { contract } = handler
    const worker = backend.startWorker({
      name: queueName(contract, prefix),
      process: running.watch(createProcessor(handler, closing.signal, logger)),
      options: {
        concurrency: handler.concurrency ?? concurrency,
        lockDuration: lostAfterMs,
        stalledInterval: lostAfterMs / 2,
        maxStalledCount: Math.max(1, contract.attempts - 1),
      },
    })
    worker.on('failed', (job, error) => logFailure(logger, contract, job, error))
    return worker
  })

  async function close(): Promise<void> {
    running.stop()
    const closed = Promise.allSettled(workers.map((worker) => worker.close()))
    if (!(await isDoneWithin(closeAfterMs, running.isEmpty()))) {
      closing.abort(new Error('the process is ending'))
      if (!(await isDoneWithin(giveUpMs, running.isEmpty()))) {
        logger.error('handlers are still running; their jobs will be taken for lost and given to another worker')
      }
    }
    // BullMQ goes on trying to say goodbye for as long as the queue does not answer.
    if (!(await isDoneWithin(farewellMs, closed))) await isDoneWithin(farewellMs, disconnectAll(workers))
    await backend.close()
  }

  try {
    await Promise.all(workers.map((worker) => worker.waitUntilReady()))
  } catch (error) {
    await close()
    throw new UnavailableError('The queue does not answer.', error)
  }

  let closed: Promise<void> | undefined
  return {
    async ping() {
      const stopped = workers.find((worker) => !worker.isRunning())
      if (stopped) throw new UnavailableError(`The worker of ${stopped.name} is not running.`)
      try {
        await withinTimeLimit('the queue', pingMs, backend.ping())
      } catch (error) {
        throw new UnavailableError('The queue does not answer to the workers.', error)
      }
    },
    close() {
      closed ??= close()
      return closed
    },
  }
}

function createProcessor(handler: JobHandler, closing: AbortSignal, logger: Logger): Processor {
  const { contract } = handler
  return async (job, token, signal) => {
    const parsed = contract.payload.safeParse(job.data)
    if (!parsed.success) {
      throw new UnrecoverableError(`the payload breaks the contract: ${z.prettifyError(parsed.error)}`)
    }
    const running = {
      id: job.deduplicationId ?? job.id ?? '',
      attempt: job.attemptsMade + 1,
      signal: signal ? AbortSignal.any([signal, closing]) : closing,
    }
    try {
      await handler.handle(parsed.data, running)
    } catch (error) {
      if (closing.aborted) {
        logger.info({ job: contract.name, id: running.id }, 'a job goes back to the queue')
        return giveBack(job, token)
      }
      throw error instanceof Error ? error : new Error(String(error))
    }
  }
}

/** What is being handled now. After `stop` it only becomes less: a job that was on its way is not begun. */
function createRunning() {
  const running = new Set<Promise<void>>()
  let isStopped = false
  return {
    stop() {
      isStopped = true
    },
    watch(process: Processor): Processor {
      // BullMQ passes a signal only to a function that declares three parameters.
      return async (job, token, signal) => {
        if (isStopped) return giveBack(job, token)
        const work = process(job, token, signal)
        running.add(work)
        await work.finally(() => running.delete(work))
      }
    },
    async isEmpty(): Promise<void> {
      while (running.size > 0) await Promise.allSettled(running)
    },
  }
}

async function giveBack(job: Job, token: string | undefined): Promise<never> {
  await job.moveToWait(token)
  throw new WaitingError()
}

function logFailure(logger: Logger, contract: JobContract, job: Job | undefined, error: Error): void {
  const isLast = error instanceof UnrecoverableError || (job?.attemptsMade ?? 0) >= contract.attempts
  const about = { job: contract.name, id: job?.deduplicationId ?? job?.id, attempt: job?.attemptsMade, err: error }
  if (isLast) logger.error(about, 'a job failed for good')
  else logger.warn(about, 'a job failed and will be tried again')
}

async function disconnectAll(workers: readonly RunningWorker[]): Promise<void> {
  await Promise.allSettled(workers.map((worker) => worker.disconnect()))
}
