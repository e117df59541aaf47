import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { backendKinds, type TestBackend } from '../../test/harness/backends.ts'
import { longJob } from '../../test/harness/long-job.ts'
import {
  countJob,
  createQueueWorkbench,
  type QueueWorkbench,
  recordCounts,
} from '../../test/harness/queue-workbench.ts'
import { until } from '../../test/harness/until.ts'

describe.each(backendKinds)('with schedules, the queue $name', { timeout: 90_000 }, ({ isMissing, start }) => {
  describe.skipIf(isMissing)('', () => {
    let backend: TestBackend
    let bench: QueueWorkbench

    beforeAll(async () => {
      backend = await start()
    }, 60_000)
    afterAll(() => backend.stop())

    beforeEach(() => {
      bench = createQueueWorkbench(backend)
    })
    afterEach(() => bench.close())

    test('keeps one schedule, whoever asks for it', async () => {
      const queues = await Promise.all([
        bench.openQueue(),
        bench.openQueue(),
        bench.openQueue(),
        bench.openQueue(),
        bench.openQueue(),
      ])
      const [queue] = queues
      await Promise.all(queues.map((each) => each.schedule(longJob, { number: 1 }, { everyMs: 3_600_000 })))
      expect(await queue.depth()).toEqual({ waiting: 1, active: 0, delayed: 0, failed: 0 })
      await bench.openWorkers({ contract: longJob, handle: async () => {} })
      await queue.drain()
      await queue.schedule(longJob, { number: 1 }, { pattern: '0 4 * * *' })
      await Promise.all(queues.map((each) => each.schedule(countJob, { number: 1 }, { pattern: '0 3 * * *' })))
      await queue.schedule(countJob, { number: 1 }, { pattern: '0 3 * * *' })
      expect(await queue.depth()).toEqual({ waiting: 0, active: 0, delayed: 2, failed: 0 })

      const { deliveries, handler } = recordCounts()
      await bench.openWorkers(handler)
      await Promise.all(queues.map((each) => each.schedule(countJob, { number: 2 }, { everyMs: 100 })))
      await until(() => deliveries.length >= 3)
      expect(deliveries.every(({ number }) => number === 2)).toBe(true)

      await queue.schedule(countJob, { number: 1 }, { pattern: '0 3 * * *' })
      await queue.drain()
      expect(await queue.depth()).toEqual({ waiting: 0, active: 0, delayed: 2, failed: 0 })
    })

    test('makes an overdue run although the same schedule is asked for again', async () => {
      const [queue, other] = [await bench.openQueue(), await bench.openQueue()]
      const when = { pattern: dailyAt(17) }
      await twoDaysAgo(() => queue.schedule(countJob, { number: 1 }, when))
      await Promise.all([queue, other].map((each) => each.schedule(countJob, { number: 1 }, when)))
      expect(await queue.depth()).toEqual({ waiting: 0, active: 0, delayed: 1, failed: 0 })

      const { deliveries, handler } = recordCounts()
      await bench.openWorkers(handler)
      await until(() => deliveries.length === 1)
      await queue.drain()
      await other.schedule(countJob, { number: 1 }, when)
      await queue.drain()
      expect(deliveries).toMatchObject([{ number: 1 }])
      expect(await queue.depth()).toEqual({ waiting: 0, active: 0, delayed: 1, failed: 0 })
    })

    test.each([
      ['pattern', countJob, { number: 1 }, dailyAt(18)],
      ['payload', countJob, { number: 2 }, dailyAt(17)],
      ['contract', { ...countJob, attempts: 4 }, { number: 1 }, dailyAt(17)],
    ])('replaces an overdue run when another %s is asked for', async (_, job, payload, pattern) => {
      const queue = await bench.openQueue()
      await twoDaysAgo(() => queue.schedule(countJob, { number: 1 }, { pattern: dailyAt(17) }))
      await queue.schedule(job, payload, { pattern })
      const { deliveries, handler } = recordCounts()
      await bench.openWorkers(handler)
      await queue.add(countJob, { number: 9 })
      await until(() => deliveries.length > 0)
      await queue.drain()
      expect(deliveries).toMatchObject([{ number: 9 }])
      expect(await queue.depth()).toEqual({ waiting: 0, active: 0, delayed: 1, failed: 0 })
    })
  })
})

/** Half a day from now, so that no test meets the hour. */
function dailyAt(minute: number): string {
  return `${minute} ${(new Date().getUTCHours() + 12) % 24} * * *`
}

/** BullMQ asks this process what time it is, on either backend; nothing but the time is another. */
async function twoDaysAgo(work: () => Promise<void>): Promise<void> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 2 * 24 * 3_600_000 })
  try {
    await work()
  } finally {
    vi.useRealTimers()
  }
}
