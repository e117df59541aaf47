import { z } from 'zod'
import { createQueue, type Queue, type QueueOptions } from '../../src/infra/queue.ts'
import {
  type JobHandler,
  type RunningJob,
  startWorkers,
  type Workers,
  type WorkersOptions,
} from '../../src/infra/workers.ts'
import { defineJob } from '../../src/job.ts'
import type { TestBackend } from './backends.ts'
import { longJob } from './long-job.ts'
import { recordLog } from './recorded-log.ts'

export const countJob = defineJob({
  name: 'test.count',
  payload: z.object({ number: z.number() }),
  attempts: 3,
  backoffMs: 10,
})

/** Queues and workers that share a log, and a prefix that no other test of the file has. */
export type QueueWorkbench = ReturnType<typeof createQueueWorkbench>

let benches = 0

export function createQueueWorkbench(backend: TestBackend) {
  const log = recordLog()
  const options = { ...backend.options, prefix: `test${++benches}` }
  const opened: { close(): Promise<void> }[] = []

  return {
    log,
    /** What a process needs to meet them. */
    options,

    async openQueue(more: Partial<QueueOptions> = {}): Promise<Queue> {
      const queue = await createQueue({ ...options, logger: log.logger, jobs: [countJob, longJob], ...more })
      opened.push(queue)
      return queue
    },

    async openWorkers(handler: JobHandler, more: Partial<WorkersOptions> = {}): Promise<Workers> {
      const workers = await startWorkers({
        ...options,
        logger: log.logger,
        concurrency: 4,
        handlers: [handler],
        ...more,
      })
      opened.push(workers)
      return workers
    },

    closeLater(each: { close(): Promise<void> }): void {
      opened.push(each)
    },

    /** Over a line that is whole again; nobody may be connected after that. */
    async close(): Promise<void> {
      await backend.line.restore()
      await Promise.all(opened.map((each) => each.close()))
      await backend.isLeftAlone()
    },
  }
}

interface Delivery extends RunningJob {
  number: number
}

export function recordCounts(react: (delivery: Delivery) => unknown = () => {}) {
  const deliveries: Delivery[] = []
  const handler: JobHandler<{ number: number }> = {
    contract: countJob,
    async handle({ number }, job) {
      const delivery = { number, ...job }
      deliveries.push(delivery)
      await react(delivery)
    },
  }
  return { deliveries, handler }
}

export function openGate(): { passed: Promise<void>; open(): void } {
  let open = () => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open }
}
