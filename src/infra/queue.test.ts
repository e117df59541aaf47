import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { backendKinds, type TestBackend } from '../../test/harness/backends.ts'
import { longJob } from '../../test/harness/long-job.ts'
import { type RecordedLog, recordLog } from '../../test/harness/recorded-log.ts'
import { until } from '../../test/harness/until.ts'
import { defineJob } from '../job.ts'
import { createQueue, type Queue, type QueueOptions } from './queue.ts'
import { type JobHandler, type RunningJob, startWorkers, type Workers, type WorkersOptions } from './workers.ts'

const countJob = defineJob({
  name: 'test.count',
  payload: z.object({ number: z.number() }),
  attempts: 3,
  backoffMs: 10,
})

interface Delivery extends RunningJob {
  number: number
}

describe.each(backendKinds)('the queue $name', { timeout: 90_000 }, ({ isMissing, start }) => {
  describe.skipIf(isMissing)('', () => {
    let backend: TestBackend
    let log: RecordedLog
    let prefix: string
    let round = 0
    const toClose: { close(): Promise<void> }[] = []

    beforeAll(async () => {
      backend = await start()
    }, 60_000)
    afterAll(() => backend.stop())

    beforeEach(() => {
      log = recordLog()
      prefix = `test${++round}`
    })
    afterEach(async () => {
      await backend.line.restore()
      await Promise.all(toClose.splice(0).map((each) => each.close()))
      await backend.isLeftAlone()
    })

    async function openQueue(options: Partial<QueueOptions> = {}): Promise<Queue> {
      const jobs = [countJob, longJob]
      const queue = await createQueue({ ...backend.options, logger: log.logger, prefix, jobs, ...options })
      toClose.push(queue)
      return queue
    }

    async function openWorkers(handler: JobHandler, options: Partial<WorkersOptions> = {}): Promise<Workers> {
      const workers = await startWorkers({
        ...backend.options,
        logger: log.logger,
        prefix,
        concurrency: 4,
        handlers: [handler],
        ...options,
      })
      toClose.push(workers)
      return workers
    }

    function recordCounts(react: (delivery: Delivery) => unknown = () => {}) {
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

    test('delivers what was added, with its id', async () => {
      const queue = await openQueue()
      const { deliveries, handler } = recordCounts()
      await queue.add(countJob, { number: 7 }, { id: 'seven' })
      await openWorkers(handler)
      await queue.drain()
      expect(deliveries).toMatchObject([{ number: 7, id: 'seven', attempt: 1 }])
      expect(await queue.depth()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
    })

    test('delivers to a worker that was there first', async () => {
      const queue = await openQueue()
      const { deliveries, handler } = recordCounts()
      await openWorkers(handler)
      for (let number = 0; number < 50; number++) await queue.add(countJob, { number })
      await queue.drain()
      expect(deliveries.map(({ number }) => number).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 50 }, (_, i) => i),
      )
    })

    test('adds an id once while it is unfinished, and again after that', async () => {
      const [queue, other] = [await openQueue(), await openQueue()]
      const gate = openGate()
      const { deliveries, handler } = recordCounts(() => gate.passed)
      await Promise.all([queue, other, queue].map((each) => each.add(countJob, { number: 1 }, { id: 'one' })))
      expect(await queue.depth()).toMatchObject({ waiting: 1 })
      await openWorkers(handler)
      await until(() => deliveries.length === 1)
      await other.add(countJob, { number: 2 }, { id: 'one' })
      gate.open()
      await queue.drain()
      await queue.add(countJob, { number: 3 }, { id: 'one' })
      await queue.drain()
      expect(deliveries.map(({ number }) => number)).toEqual([1, 3])
    })

    test('keeps one more of an id while it is being handled, where that is asked for', async () => {
      const [queue, other] = [await openQueue(), await openQueue()]
      const gate = openGate()
      const { deliveries, handler } = recordCounts(() => gate.passed)
      const again = { id: 'one', againIfActive: true }
      await Promise.all([queue, other, queue].map((each) => each.add(countJob, { number: 1 }, again)))
      expect(await queue.depth()).toMatchObject({ waiting: 1 })
      await Promise.all([openWorkers(handler), openWorkers(handler)])
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
      const queue = await openQueue()
      let due = 0
      let done = 0
      const handler: JobHandler<{ number: number }> = {
        contract: countJob,
        async handle() {
          done = due
        },
      }
      await openWorkers(handler)
      // The handler has looked, and its job has not quite ended yet.
      for (let round = 0; round < 50; round++) {
        due++
        await queue.add(countJob, { number: 1 }, { id: 'all', againIfActive: true })
        await until(() => done === due)
      }
    })

    test('tries again after a failure, as often as the contract says', async () => {
      const queue = await openQueue()
      const { deliveries, handler } = recordCounts(({ number, attempt }) => {
        if (number === 0 || attempt < 3) throw new Error('not yet')
      })
      await openWorkers(handler)
      await queue.add(countJob, { number: 0 }, { id: 'never' })
      await queue.add(countJob, { number: 1 }, { id: 'third' })
      await until(() => log.said('failed for good').length === 1 && deliveries.length === 6)
      expect(deliveries.filter(({ id }) => id === 'third').map(({ attempt }) => attempt)).toEqual([1, 2, 3])
      expect(log.said('will be tried again')).toHaveLength(4)
      expect(log.said('failed for good')).toMatchObject([{ job: 'test.count', id: 'never', attempt: 3 }])
      await queue.add(countJob, { number: 1 }, { id: 'never' })
      await until(() => deliveries.filter(({ id, number }) => id === 'never' && number === 1).length === 3)
    })

    test('refuses a payload that breaks the contract, and a job that it does not know', async () => {
      const queue = await openQueue({ jobs: [countJob] })
      await expect(queue.add(countJob, { number: 'seven' } as never)).rejects.toThrow(z.ZodError)
      await expect(queue.schedule(countJob, {} as never, { everyMs: 1_000 })).rejects.toThrow(z.ZodError)
      await expect(queue.add(longJob, { number: 1 })).rejects.toThrow('"test.long" is not among the jobs')
      expect(await queue.depth()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
    })

    test('fails a job at once whose payload the worker can not read', async () => {
      const older = defineJob({ ...countJob, payload: z.object({ amount: z.number() }) })
      const queue = await openQueue({ jobs: [older] })
      const { deliveries, handler } = recordCounts()
      await openWorkers(handler)
      await queue.add(older, { amount: 7 })
      await until(() => log.said('failed for good').length === 1)
      expect(log.said('failed for good')).toMatchObject([
        { attempt: 1, err: { message: expect.stringContaining('breaks the contract') } },
      ])
      expect(deliveries).toEqual([])
      expect(await queue.depth()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 1 })
    })

    test('holds a delayed job back', async () => {
      const queue = await openQueue()
      const { deliveries, handler } = recordCounts()
      await openWorkers(handler)
      await queue.add(countJob, { number: 1 }, { delayMs: 3_600_000 })
      await queue.add(countJob, { number: 2 }, { delayMs: 50 })
      await queue.add(countJob, { number: 3 })
      await until(() => deliveries.length === 2)
      expect(deliveries.map(({ number }) => number).sort()).toEqual([2, 3])
      expect(await queue.depth()).toMatchObject({ delayed: 1 })
    })

    test('keeps one schedule, whoever asks for it', async () => {
      const queues = await Promise.all([openQueue(), openQueue(), openQueue(), openQueue(), openQueue()])
      const [queue] = queues
      await Promise.all(queues.map((each) => each.schedule(longJob, { number: 1 }, { everyMs: 3_600_000 })))
      expect(await queue.depth()).toEqual({ waiting: 1, active: 0, delayed: 0, failed: 0 })
      await openWorkers({ contract: longJob, handle: async () => {} })
      await queue.drain()
      await queue.schedule(longJob, { number: 1 }, { pattern: '0 4 * * *' })
      await Promise.all(queues.map((each) => each.schedule(countJob, { number: 1 }, { pattern: '0 3 * * *' })))
      await queue.schedule(countJob, { number: 1 }, { pattern: '0 3 * * *' })
      expect(await queue.depth()).toEqual({ waiting: 0, active: 0, delayed: 2, failed: 0 })

      const { deliveries, handler } = recordCounts()
      await openWorkers(handler)
      await Promise.all(queues.map((each) => each.schedule(countJob, { number: 2 }, { everyMs: 100 })))
      await until(() => deliveries.length >= 3)
      expect(deliveries.every(({ number }) => number === 2)).toBe(true)

      await queue.schedule(countJob, { number: 1 }, { pattern: '0 3 * * *' })
      await queue.drain()
      expect(await queue.depth()).toEqual({ waiting: 0, active: 0, delayed: 2, failed: 0 })
    })

    test('makes an overdue run although the same schedule is asked for again', async () => {
      const [queue, other] = [await openQueue(), await openQueue()]
      const when = { pattern: dailyAt(17) }
      await twoDaysAgo(() => queue.schedule(countJob, { number: 1 }, when))
      await Promise.all([queue, other].map((each) => each.schedule(countJob, { number: 1 }, when)))
      expect(await queue.depth()).toEqual({ waiting: 0, active: 0, delayed: 1, failed: 0 })

      const { deliveries, handler } = recordCounts()
      await openWorkers(handler)
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
      const queue = await openQueue()
      await twoDaysAgo(() => queue.schedule(countJob, { number: 1 }, { pattern: dailyAt(17) }))
      await queue.schedule(job, payload, { pattern })
      const { deliveries, handler } = recordCounts()
      await openWorkers(handler)
      await queue.add(countJob, { number: 9 })
      await until(() => deliveries.length > 0)
      await queue.drain()
      expect(deliveries).toMatchObject([{ number: 9 }])
      expect(await queue.depth()).toEqual({ waiting: 0, active: 0, delayed: 1, failed: 0 })
    })

    test('works again after every connection was ended', async () => {
      const queue = await openQueue()
      const { deliveries, handler } = recordCounts()
      const workers = await openWorkers(handler)
      for (let number = 1; number <= 3; number++) {
        await backend.restart()
        await until(() => queue.add(countJob, { number }).then(() => true, isUnavailable))
        await until(() => deliveries.some((delivery) => delivery.number === number))
      }
      await queue.ping()
      await workers.ping()
    })

    test('does not answer while the line is cut, says so once, and works again after', async () => {
      const queue = await openQueue()
      const { deliveries, handler } = recordCounts()
      const workers = await openWorkers(handler)
      await queue.add(countJob, { number: 1 })
      await queue.drain()
      await backend.line.cut()
      for (let tries = 0; tries < 5; tries++) {
        await expect(queue.add(countJob, { number: 2 })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
        await expect(queue.ping()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
        await expect(workers.ping()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      }
      await backend.line.restore()
      await until(() => queue.add(countJob, { number: 3 }).then(() => true, isUnavailable))
      await until(() => deliveries.some(({ number }) => number === 3))
      await until(() => log.said('answers again').length === 2)
      // One for the queue and one for the workers.
      expect(log.said('does not answer; trying again')).toHaveLength(2)
      expect(log.said('reported an error')).toEqual([])
    })

    test('does not answer when the line is frozen, and works again after', async () => {
      const queue = await openQueue()
      const { deliveries, handler } = recordCounts()
      const workers = await openWorkers(handler)
      backend.line.freeze()
      await Promise.all([
        expect(queue.ping()).rejects.toMatchObject({ code: 'UNAVAILABLE' }),
        expect(workers.ping()).rejects.toMatchObject({ code: 'UNAVAILABLE' }),
      ])
      await backend.line.restore()
      await until(() => queue.add(countJob, { number: 3 }).then(() => true, isUnavailable))
      await until(() => deliveries.some(({ number }) => number === 3))
    })

    test('a handler that finishes during an outage has finished', async (context) => {
      if (backend.options.redisUrl !== null) context.skip('this Redis keeps nothing over a restart')
      const queue = await openQueue()
      const gate = openGate()
      const { deliveries, handler } = recordCounts(() => gate.passed)
      await openWorkers(handler)
      await queue.add(countJob, { number: 1 }, { id: 'one' })
      await until(() => deliveries.length === 1)
      await backend.line.cut()
      gate.open()
      await expect(queue.ping()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      await backend.line.restore()
      await until(() => queue.drain().then(() => true, isUnavailable))
      expect(deliveries).toHaveLength(1)
      expect(await queue.depth()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
    })

    test('can not be opened while nothing answers', async () => {
      await backend.line.cut()
      await expect(openQueue()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      await expect(openWorkers(recordCounts().handler)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    })

    test('closing waits for running handlers and takes no new job', async () => {
      const queue = await openQueue()
      const gate = openGate()
      const { deliveries, handler } = recordCounts(() => gate.passed)
      const workers = await openWorkers(handler, { concurrency: 1 })
      await queue.add(countJob, { number: 1 })
      await queue.add(countJob, { number: 2 })
      await until(() => deliveries.length === 1)
      const closed = workers.close()
      expect(await Promise.race([closed.then(() => 'closed'), queue.depth().then(() => 'waiting')])).toBe('waiting')
      gate.open()
      await closed
      expect(deliveries.map(({ signal }) => signal.aborted)).toEqual([false])
      expect(await queue.depth()).toEqual({ waiting: 1, active: 0, delayed: 0, failed: 0 })
    })

    test('closing does not wait for ever: the job of a handler that gives up goes back to the queue', async () => {
      const queue = await openQueue()
      const first = recordCounts(({ signal }) => once(signal, 'abort').then(() => Promise.reject(signal.reason)))
      const workers = await openWorkers(first.handler, { closeAfterMs: 20 })
      await queue.add(countJob, { number: 1 }, { id: 'one' })
      await until(() => first.deliveries.length === 1)
      await workers.close()
      expect(await queue.depth()).toEqual({ waiting: 1, active: 0, delayed: 0, failed: 0 })

      const second = recordCounts()
      await openWorkers(second.handler)
      await queue.drain()
      expect(second.deliveries).toMatchObject([{ number: 1, id: 'one' }])
    })

    test('closing leaves a handler behind that does not listen, and another worker gets its job', async () => {
      const queue = await openQueue()
      const gate = openGate()
      const deaf = recordCounts(() => gate.passed)
      const workers = await openWorkers(deaf.handler, { closeAfterMs: 20, lostAfterMs: 1_000 })
      await queue.add(countJob, { number: 1 })
      await until(() => deaf.deliveries.length === 1)
      await workers.close()
      expect(log.said('handlers are still running')).toHaveLength(1)

      const second = recordCounts()
      await openWorkers(second.handler, { lostAfterMs: 1_000 })
      await until(() => second.deliveries.length === 1)
      gate.open()
      await queue.drain()
    })

    test('the job of a killed worker goes to another one', async () => {
      const queue = await openQueue()
      await queue.add(longJob, { number: 1 }, { id: 'one' })
      const options = { ...backend.options, prefix, lostAfterMs: 1_000 }
      const child = startHangingWorker(options)
      toClose.push({ close: async () => void child.process.kill('SIGKILL') })
      await until(child.hasTakenJob)
      child.process.kill('SIGKILL')
      await once(child.process, 'exit')

      const taken: string[] = []
      await openWorkers({ contract: longJob, handle: async (_, { id }) => void taken.push(id) }, options)
      await until(() => taken.length === 1)
      await queue.drain()
      expect(taken).toEqual(['one'])
      expect(await queue.depth()).toMatchObject({ failed: 0 })
    })

    test('draining waits for what a job adds', async () => {
      const queue = await openQueue()
      const { deliveries, handler } = recordCounts(async ({ number }) => {
        if (number > 0) await queue.add(countJob, { number: number - 1 })
      })
      await openWorkers(handler)
      await queue.add(countJob, { number: 5 })
      await queue.drain()
      expect(deliveries.map(({ number }) => number)).toEqual([5, 4, 3, 2, 1, 0])
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

function isUnavailable(error: unknown): false {
  expect(error).toMatchObject({ code: 'UNAVAILABLE' })
  return false
}

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

function openGate(): { passed: Promise<void>; open(): void } {
  let open = () => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open }
}

function startHangingWorker(options: object): { process: ChildProcess; hasTakenJob(): boolean } {
  const program = fileURLToPath(new URL('../../test/harness/hanging-worker.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', program, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout?.on('data', (bytes) => {
    said += String(bytes)
  })
  return {
    process: child,
    hasTakenJob() {
      if (child.exitCode !== null) throw new Error(`the worker ended with ${child.exitCode}`)
      return said.includes('taken')
    },
  }
}
