import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { backendKinds, type TestBackend } from '../../test/harness/backends.ts'
import { longJob } from '../../test/harness/long-job.ts'
import {
  countJob,
  createQueueWorkbench,
  openGate,
  type QueueWorkbench,
  recordCounts,
} from '../../test/harness/queue-workbench.ts'
import { recordLog } from '../../test/harness/recorded-log.ts'
import { until } from '../../test/harness/until.ts'
import { defineJob } from '../job.ts'
import { createQueue } from './queue.ts'
import type { JobHandler } from './workers.ts'

describe.each(backendKinds)('the queue $name', { timeout: 90_000 }, ({ isMissing, start }) => {
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

    test('delivers what was added, with its id', async () => {
      const queue = await bench.openQueue()
      const { deliveries, handler } = recordCounts()
      await queue.add(countJob, { number: 7 }, { id: 'seven' })
      await bench.openWorkers(handler)
      await queue.drain()
      expect(deliveries).toMatchObject([{ number: 7, id: 'seven', attempt: 1 }])
      expect(await queue.depth()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
    })

    test('delivers to a worker that was there first', async () => {
      const queue = await bench.openQueue()
      const { deliveries, handler } = recordCounts()
      await bench.openWorkers(handler)
      for (let number = 0; number < 50; number++) await queue.add(countJob, { number })
      await queue.drain()
      expect(deliveries.map(({ number }) => number).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 50 }, (_, i) => i),
      )
    })

    test('adds an id once while it is unfinished, and again after that', async () => {
      const [queue, other] = [await bench.openQueue(), await bench.openQueue()]
      const gate = openGate()
      const { deliveries, handler } = recordCounts(() => gate.passed)
      await Promise.all([queue, other, queue].map((each) => each.add(countJob, { number: 1 }, { id: 'one' })))
      expect(await queue.depth()).toMatchObject({ waiting: 1 })
      await bench.openWorkers(handler)
      await until(() => deliveries.length === 1)
      await other.add(countJob, { number: 2 }, { id: 'one' })
      gate.open()
      await queue.drain()
      await queue.add(countJob, { number: 3 }, { id: 'one' })
      await queue.drain()
      expect(deliveries.map(({ number }) => number)).toEqual([1, 3])
    })

    test('keeps one more of an id while it is being handled, where that is asked for', async () => {
      const [queue, other] = [await bench.openQueue(), await bench.openQueue()]
      const gate = openGate()
      const { deliveries, handler } = recordCounts(() => gate.passed)
      const again = { id: 'one', againIfActive: true }
      await Promise.all([queue, other, queue].map((each) => each.add(countJob, { number: 1 }, again)))
      expect(await queue.depth()).toMatchObject({ waiting: 1 })
      await Promise.all([bench.openWorkers(handler), bench.openWorkers(handler)])
      await until(() => deliveries.length === 1)
      for (const each of [other, queue, other]) await each.add(countJob, { number: 2 }, again)
      gate.open()
      await until(() => deliveries.length === 2)
      await queue.drain()
      await queue.add(countJob, { number: 3 }, again)
      await queue.drain()
      expect(deliveries.map(({ number }) => number)).toEqual([1, 2, 3])
      expect(await queue.depth()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
    })

    test('of those that cross the end of the one before, none gets lost', async () => {
      const queue = await bench.openQueue()
      let due = 0
      let done = 0
      const handler: JobHandler<{ number: number }> = {
        contract: countJob,
        async handle() {
          done = due
        },
      }
      await bench.openWorkers(handler)
      // The handler has looked, and its job has not quite ended yet.
      for (let round = 0; round < 50; round++) {
        due++
        await queue.add(countJob, { number: 1 }, { id: 'all', againIfActive: true })
        await until(() => done === due)
      }
    })

    test('tries again after a failure, as often as the contract says', async () => {
      const queue = await bench.openQueue()
      const { deliveries, handler } = recordCounts(({ number, attempt }) => {
        if (number === 0 || attempt < 3) throw new Error('not yet')
      })
      await bench.openWorkers(handler)
      await queue.add(countJob, { number: 0 }, { id: 'never' })
      await queue.add(countJob, { number: 1 }, { id: 'third' })
      await until(() => bench.log.said('failed for good').length === 1 && deliveries.length === 6)
      // Each is told of when its failure is stored, which may be after the next attempt has begun.
      await until(() => bench.log.said('will be tried again').length >= 4)
      expect(deliveries.filter(({ id }) => id === 'third').map(({ attempt }) => attempt)).toEqual([1, 2, 3])
      expect(bench.log.said('will be tried again')).toHaveLength(4)
      expect(bench.log.said('failed for good')).toMatchObject([{ job: 'test.count', id: 'never', attempt: 3 }])
      await queue.add(countJob, { number: 1 }, { id: 'never' })
      await until(() => deliveries.filter(({ id, number }) => id === 'never' && number === 1).length === 3)
    })

    test('refuses a payload that breaks the contract, and a job that it does not know', async () => {
      const queue = await bench.openQueue({ jobs: [countJob] })
      await expect(queue.add(countJob, { number: 'seven' } as never)).rejects.toThrow(z.ZodError)
      await expect(queue.schedule(countJob, {} as never, { everyMs: 1_000 })).rejects.toThrow(z.ZodError)
      await expect(queue.add(longJob, { number: 1 })).rejects.toThrow('"test.long" is not among the jobs')
      expect(await queue.depth()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
    })

    test('fails a job at once whose payload the worker can not read', async () => {
      const older = defineJob({ ...countJob, payload: z.object({ amount: z.number() }) })
      const queue = await bench.openQueue({ jobs: [older] })
      const { deliveries, handler } = recordCounts()
      await bench.openWorkers(handler)
      await queue.add(older, { amount: 7 })
      await until(() => bench.log.said('failed for good').length === 1)
      expect(bench.log.said('failed for good')).toMatchObject([
        { attempt: 1, err: { message: expect.stringContaining('breaks the contract') } },
      ])
      expect(deliveries).toEqual([])
      expect(await queue.depth()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 1 })
    })

    test('holds a delayed job back', async () => {
      const queue = await bench.openQueue()
      const { deliveries, handler } = recordCounts()
      await bench.openWorkers(handler)
      await queue.add(countJob, { number: 1 }, { delayMs: 3_600_000 })
      await queue.add(countJob, { number: 2 }, { delayMs: 50 })
      await queue.add(countJob, { number: 3 })
      await until(() => deliveries.length === 2)
      expect(deliveries.map(({ number }) => number).sort()).toEqual([2, 3])
      expect(await queue.depth()).toMatchObject({ delayed: 1 })
    })
  })

  test.skipIf(isMissing)('ten may open it at once where nothing is yet', async () => {
    const { logger, lines } = recordLog()
    const empty = await start()
    const opened = Array.from({ length: 10 }, () => createQueue({ ...empty.options, logger, jobs: [countJob] }))
    const queues = await Promise.all(opened)
    await Promise.all(queues.map((queue, number) => queue.add(countJob, { number })))
    expect(await queues[0]?.depth()).toMatchObject({ waiting: 10 })
    await Promise.all(queues.map((queue) => queue.close()))
    await empty.isLeftAlone()
    await empty.stop()
    expect(lines).toEqual([])
  })
})
