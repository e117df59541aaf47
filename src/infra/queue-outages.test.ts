import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { backendKinds, type TestBackend } from '../../test/harness/backends.ts'
import { longJob } from '../../test/harness/long-job.ts'
import {
  countJob,
  createQueueWorkbench,
  openGate,
  type QueueWorkbench,
  recordCounts,
} from '../../test/harness/queue-workbench.ts'
import { until } from '../../test/harness/until.ts'

describe.each(backendKinds)(
  'in outages and at its end, the queue $name',
  { timeout: 90_000 },
  ({ isMissing, start }) => {
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

      test('works again after every connection was ended', async () => {
        const queue = await bench.openQueue()
        const { deliveries, handler } = recordCounts()
        const workers = await bench.openWorkers(handler)
        for (let number = 1; number <= 3; number++) {
          await backend.restart()
          await until(() => queue.add(countJob, { number }).then(() => true, isUnavailable))
          await until(() => deliveries.some((delivery) => delivery.number === number))
        }
        await queue.ping()
        await workers.ping()
      })

      test('does not answer while the line is cut, says so once, and works again after', async () => {
        const queue = await bench.openQueue()
        const { deliveries, handler } = recordCounts()
        const workers = await bench.openWorkers(handler)
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
        await until(() => bench.log.said('answers again').length === 2)
        // One for the queue and one for the workers.
        expect(bench.log.said('does not answer; trying again')).toHaveLength(2)
        expect(bench.log.said('reported an error')).toEqual([])
      })

      test('does not answer when the line is frozen, and works again after', async () => {
        const queue = await bench.openQueue()
        const { deliveries, handler } = recordCounts()
        const workers = await bench.openWorkers(handler)
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
        const queue = await bench.openQueue()
        const gate = openGate()
        const { deliveries, handler } = recordCounts(() => gate.passed)
        await bench.openWorkers(handler)
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
        await expect(bench.openQueue()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
        await expect(bench.openWorkers(recordCounts().handler)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      })

      test('closing waits for running handlers and takes no new job', async () => {
        const queue = await bench.openQueue()
        const gate = openGate()
        const { deliveries, handler } = recordCounts(() => gate.passed)
        const workers = await bench.openWorkers(handler, { concurrency: 1 })
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
        const queue = await bench.openQueue()
        const first = recordCounts(({ signal }) => once(signal, 'abort').then(() => Promise.reject(signal.reason)))
        const workers = await bench.openWorkers(first.handler, { closeAfterMs: 20 })
        await queue.add(countJob, { number: 1 }, { id: 'one' })
        await until(() => first.deliveries.length === 1)
        await workers.close()
        expect(await queue.depth()).toEqual({ waiting: 1, active: 0, delayed: 0, failed: 0 })

        const second = recordCounts()
        await bench.openWorkers(second.handler)
        await queue.drain()
        expect(second.deliveries).toMatchObject([{ number: 1, id: 'one' }])
      })

      test('closing leaves a handler behind that does not listen, and another worker gets its job', async () => {
        const queue = await bench.openQueue()
        const gate = openGate()
        const deaf = recordCounts(() => gate.passed)
        const workers = await bench.openWorkers(deaf.handler, { closeAfterMs: 20, lostAfterMs: 1_000 })
        await queue.add(countJob, { number: 1 })
        await until(() => deaf.deliveries.length === 1)
        await workers.close()
        expect(bench.log.said('handlers are still running')).toHaveLength(1)

        const second = recordCounts()
        await bench.openWorkers(second.handler, { lostAfterMs: 1_000 })
        await until(() => second.deliveries.length === 1)
        gate.open()
        await queue.drain()
      })

      test('the job of a killed worker goes to another one', async () => {
        const queue = await bench.openQueue()
        await queue.add(longJob, { number: 1 }, { id: 'one' })
        const options = { ...bench.options, lostAfterMs: 1_000 }
        const child = startHangingWorker(options)
        bench.closeLater({ close: async () => void child.process.kill('SIGKILL') })
        await until(child.hasTakenJob)
        child.process.kill('SIGKILL')
        await once(child.process, 'exit')

        const taken: string[] = []
        await bench.openWorkers({ contract: longJob, handle: async (_, { id }) => void taken.push(id) }, options)
        await until(() => taken.length === 1)
        await queue.drain()
        expect(taken).toEqual(['one'])
        expect(await queue.depth()).toMatchObject({ failed: 0 })
      })

      test('draining waits for what a job adds', async () => {
        const queue = await bench.openQueue()
        const { deliveries, handler } = recordCounts(async ({ number }) => {
          if (number > 0) await queue.add(countJob, { number: number - 1 })
        })
        await bench.openWorkers(handler)
        await queue.add(countJob, { number: 5 })
        await queue.drain()
        expect(deliveries.map(({ number }) => number)).toEqual([5, 4, 3, 2, 1, 0])
      })
    })
  },
)

function isUnavailable(error: unknown): false {
  expect(error).toMatchObject({ code: 'UNAVAILABLE' })
  return false
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
