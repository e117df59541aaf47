import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { backendKinds, type TestBackend } from '../../test/harness/backends.ts'
import { type RecordedLog, recordLog } from '../../test/harness/recorded-log.ts'
import { until } from '../../test/harness/until.ts'
import { type Bus, type BusOptions, createBus } from './bus.ts'

describe.each(backendKinds)('the bus $name', { timeout: 90_000 }, ({ isMissing, start }) => {
  describe.skipIf(isMissing)('', () => {
    let backend: TestBackend
    let log: RecordedLog
    let prefix: string
    let round = 0
    const opened: Bus[] = []

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
      await Promise.all(opened.splice(0).map((bus) => bus.close()))
      await backend.isLeftAlone()
    })

    async function open(options: Partial<BusOptions> = {}): Promise<Bus> {
      const bus = await createBus({ ...backend.options, logger: log.logger, prefix, ...options })
      opened.push(bus)
      return bus
    }

    function count(bus: Bus, topic: string): { times: number; stop(): void } {
      const counter = { times: 0, stop: () => {} }
      counter.stop = bus.listen(topic, () => {
        counter.times++
      })
      return counter
    }

    /** Every wake-up that was on its way has arrived when one that was sent after it has. */
    async function settle(sender: Bus, listener: Bus): Promise<void> {
      const last = count(listener, 'last')
      sender.wake('last')
      await until(() => last.times > 0)
      last.stop()
    }

    test('wakes listeners of the topic in this and in other processes, and nobody else', async () => {
      const [here, there] = [await open(), await open()]
      const counters = [count(here, 'feed:a'), count(there, 'feed:a'), count(there, 'feed:a')]
      const other = count(there, 'feed:b')
      here.wake('feed:a')
      await until(() => counters.every(({ times }) => times === 1))
      await settle(here, there)
      expect(counters.map(({ times }) => times)).toEqual([1, 1, 1])
      expect(other.times).toBe(0)
    })

    test('keeps installations apart', async () => {
      const [ours, theirs] = [await open(), await open({ prefix: `${prefix}other` })]
      const counter = count(theirs, 'topic')
      ours.wake('topic')
      await ours.drain()
      await settle(theirs, theirs)
      expect(counter.times).toBe(0)
    })

    test('merges many wake-ups and always delivers the last', async () => {
      const [sender, receiver] = [await open(), await open()]
      let written = 0
      let read = 0
      let deliveries = 0
      receiver.listen('table', () => {
        deliveries++
        read = written
      })
      for (let turn = 0; turn < 100; turn++) {
        for (let row = 0; row < 100; row++) {
          written++
          sender.wake('table')
        }
        await new Promise(setImmediate)
      }
      await until(() => read === 10_000)
      expect(deliveries).toBeGreaterThan(0)
      expect(deliveries).toBeLessThan(1_000)
    })

    test('a wake of ten thousand in one breath is one', async () => {
      const bus = await open()
      const counter = count(bus, 'table')
      for (let row = 0; row < 10_000; row++) bus.wake('table')
      await settle(bus, bus)
      expect(counter.times).toBe(1)
    })

    test('more topics than it keeps wake everybody', async () => {
      const [sender, receiver] = [await open(), await open()]
      const counter = count(receiver, 'not named')
      for (let topic = 0; topic < 10_001; topic++) sender.wake(`topic ${topic}`)
      await until(() => counter.times > 0)
    })

    test('carries any topic that is a name, and refuses a book', async () => {
      const bus = await open()
      const topics = ['', "it's", '"quoted"', '{curly}', 'a,b', 'Ünïcödé \u{1F4E1}', '\\', 'x'.repeat(1_000)]
      const counters = topics.map((topic) => count(bus, topic))
      for (const topic of topics) bus.wake(topic)
      bus.wake('x'.repeat(1_001))
      await until(() => counters.every(({ times }) => times === 1))
      expect(log.said('a topic is too long')).toHaveLength(1)
    })

    test('a listener that throws harms no other', async () => {
      const bus = await open()
      const before = count(bus, 'topic')
      bus.listen('topic', () => {
        throw new Error('a bug of a listener')
      })
      const after = count(bus, 'topic')
      bus.wake('topic')
      await until(() => before.times === 1 && after.times === 1)
      expect(log.said('a listener of the bus threw')).toMatchObject([{ err: { message: 'a bug of a listener' } }])
      bus.wake('topic')
      await until(() => after.times === 2)
    })

    test('who stopped listening is not called any more, not even for what had arrived', async () => {
      const bus = await open()
      const counter = count(bus, 'topic')
      bus.listen('topic', () => late.stop())
      const late = count(bus, 'topic')
      bus.wake('topic')
      await until(() => counter.times === 1)
      await settle(bus, bus)
      expect(late.times).toBe(0)
      counter.stop()
      counter.stop()
      bus.wake('topic')
      await settle(bus, bus)
      expect(counter.times).toBe(1)
    })

    test('the same function may listen twice and stop once', async () => {
      const bus = await open()
      let times = 0
      const onWake = () => {
        times++
      }
      const stop = bus.listen('topic', onWake)
      bus.listen('topic', onWake)
      stop()
      bus.wake('topic')
      await settle(bus, bus)
      expect(times).toBe(1)
    })

    test('wakes every listener when it is back, and works on', async () => {
      const [here, there] = [await open(), await open()]
      for (let outage = 1; outage <= 3; outage++) {
        const counters = [count(here, 'a'), count(there, 'a'), count(there, 'b')]
        await backend.restart()
        await until(() => counters.every(({ times }) => times > 0))
        const then = counters[1]?.times ?? 0
        await until(() => here.ping().then(() => true, isUnavailable))
        here.wake('a')
        await until(() => (counters[1]?.times ?? 0) > then)
        for (const counter of counters) counter.stop()
      }
    })

    test('keeps what it can not send, for those who had no outage themselves', async () => {
      const [here, there] = [await open(), await open(backend.direct)]
      const counter = count(there, 'topic')
      await backend.line.cut()
      here.wake('topic')
      await until(() => log.said('does not answer; trying again').length > 0)
      await backend.line.restore()
      await until(() => counter.times === 1)
    })

    test('what is woken during an outage arrives after it; the outage is said once', async () => {
      const [here, there] = [await open(), await open()]
      const counter = count(there, 'topic')
      await backend.line.cut()
      for (let tries = 0; tries < 5; tries++) {
        here.wake('topic')
        await expect(here.ping()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      }
      await backend.line.restore()
      await here.drain()
      await settle(here, there)
      expect(counter.times).toBeGreaterThan(0)
      const saidBy = log.said('does not answer; trying again')
      await until(() => log.said('answers again').length === saidBy.length)
      // On PostgreSQL a bus has one connection, on Redis two.
      expect(saidBy).toHaveLength(backend.options.redisUrl === null ? 2 : 4)
    })

    test('notices that the other end is gone without a word', async () => {
      const [here, there] = [await open({ heartbeatMs: 50 }), await open({ heartbeatMs: 50 })]
      const counter = count(there, 'topic')
      backend.line.freeze()
      await expect(here.ping()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      here.wake('topic')
      await until(() => log.said('does not answer; trying again').length > 0)
      await backend.line.restore()
      await until(() => counter.times > 0)
      await settle(here, there)
    })

    test('closing sends what is left, and does not wait for ever for it', async () => {
      const [here, there] = [await open(), await open()]
      const counter = count(there, 'topic')
      here.wake('topic')
      await here.close()
      await until(() => counter.times === 1)
      here.wake('topic')

      await backend.line.cut()
      there.wake('topic')
      await there.close()
      expect(log.said('closed before everything was sent')).toHaveLength(1)
    })

    test('can not be opened while nothing answers', async () => {
      await backend.line.cut()
      await expect(open()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    })
  })
})

function isUnavailable(error: unknown): false {
  expect(error).toMatchObject({ code: 'UNAVAILABLE' })
  return false
}
