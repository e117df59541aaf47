import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createFeedWorkbench, type FeedWorkbench, idsIn, type TestFeed } from '../../test/harness/feed-service.ts'
import { until } from '../../test/harness/until.ts'

describe('the feed', () => {
  let workbench: FeedWorkbench
  let feed: TestFeed

  beforeAll(async () => {
    workbench = await createFeedWorkbench()
  })
  afterAll(() => workbench.close())
  beforeEach(() => {
    feed = workbench.openFeed()
  })
  afterEach(async () => {
    feed.close()
    expect(feed.countListeners()).toBe(0)
    await workbench.mend()
  })

  /** Somebody has found that the database is away. */
  const isAway = () => feed.log.said('does not answer').length > 0

  describe('goes on when the database was away', () => {
    test('for who waits at its head, though the wake-up came meanwhile', async () => {
      const { reader, next } = await feed.openAtHead()
      await workbench.line.cut()
      await feed.write(2)
      await until(isAway)
      await feed.write()
      await workbench.line.restore()
      const told = [...((await next) ?? [])]
      while (told.length < 3) told.push(...(await feed.read(reader, 1)))
      expect(idsIn(told)).toEqual((await feed.ids()).slice(1))
    })

    test('for who is behind', async () => {
      const receipt = await feed.write()
      await feed.write(1_200)
      const reader = await feed.open(receipt)
      const first = await feed.read(reader, 1)
      await workbench.line.cut()
      const rest = feed.read(reader, 1_200 - first.length)
      await until(isAway)
      await workbench.line.restore()
      expect(idsIn([...first, ...(await rest)])).toEqual((await feed.ids()).slice(1))
    })

    test('again and again, while it is written, and nothing is lost or told twice', async () => {
      const receipt = await feed.write()
      const readers = await Promise.all(Array.from({ length: 10 }, () => feed.open(receipt)))
      let written = 0
      let isOver = false
      const writing = (async () => {
        for (; !isOver; written += 2) {
          await feed.write(2)
          await pause(2)
        }
      })()
      const all = readers.map(async (reader, index) => {
        const told = []
        while (!isOver || told.length < written) {
          told.push(...(await feed.read(reader, 1)))
          if (index > 6) await pause(Math.random() * 100)
        }
        return idsIn(told)
      })
      for (let round = 0; round < 6; round++) {
        await pause(Math.random() * 200)
        if (round % 2) workbench.line.freeze()
        else await workbench.line.cut()
        await pause(Math.random() * 200)
        await workbench.line.restore()
      }
      isOver = true
      await writing
      await feed.write()
      written++
      const told = await Promise.all(all)
      const ids = (await feed.ids()).slice(1)
      // Whoever had all that was written before may not have waited for the very last.
      for (const each of told) expect(each).toEqual(ids.slice(0, each.length))
      for (const each of told) expect(each.length).toBeGreaterThanOrEqual(ids.length - 1)
    })

    test('and has said so once', async () => {
      const waiting = await Promise.all(Array.from({ length: 3 }, () => feed.openAtHead()))
      await workbench.line.cut()
      feed.wake()
      await until(isAway)
      await pause(300)
      await workbench.line.restore()
      await feed.write()
      await Promise.all(waiting.map(({ next }) => next))
      expect(feed.log.lines.filter(({ level }) => level >= 30).map(({ msg }) => msg)).toEqual([
        'the database of the feed does not answer; trying again until it does',
        'the database of the feed answers again',
      ])
    })

    test('for who reads more about its entries', async () => {
      await workbench.line.cut()
      let tries = 0
      const opened = feed.service.patiently(async () => {
        tries++
        return feed.open()
      })
      await until(() => tries > 1)
      await workbench.line.restore()
      const reader = await opened
      await feed.write()
      expect(await feed.read(reader, 1)).toHaveLength(1)
    })
  })

  describe('ends for a reader that is closed', () => {
    test('while it waits', async () => {
      const { reader, next } = await feed.openAtHead()
      reader.close()
      expect(await next).toBe(null)
      expect(await reader.next()).toBe(null)
    })

    test('before it has begun', async () => {
      const [one, other] = [await feed.open(), await feed.open()]
      const next = one.next()
      one.close()
      other.close()
      expect([await next, await one.next(), await other.next()]).toEqual([null, null, null])
    })

    test('while it waits for what ran when it began', async () => {
      const long = await workbench.direct.connect()
      await long.query('begin; select pg_current_xact_id()')
      const reader = await feed.open()
      const next = reader.next()
      await pause(100)
      reader.close()
      expect(await next).toBe(null)
      await long.query('commit')
      long.release()
    })

    test('while it reads, at once, though the line is dead', async () => {
      const receipt = await feed.write()
      await feed.openAtHead()
      const reader = await feed.open(receipt)
      workbench.line.freeze()
      const next = reader.next()
      await pause(50)
      reader.close()
      expect(await Promise.race([next, pause(2_000, 'late')])).toBe(null)
    })

    test('while the database is away', async () => {
      const { reader, next } = await feed.openAtHead()
      await workbench.line.cut()
      feed.wake()
      await until(isAway)
      reader.close()
      expect(await next).toBe(null)
    })
  })

  describe('ends for all when the process ends', () => {
    test('whatever they are at', async () => {
      const { next } = await feed.openAtHead()
      const reader = await feed.open()
      const began = (await feed.open()).next()
      feed.service.close()
      expect(await Promise.all([next, began, reader.next()])).toEqual([null, null, null])
      expect(feed.countListeners()).toBe(0)
    })

    test('while the database is away', async () => {
      const { next } = await feed.openAtHead()
      await workbench.line.cut()
      feed.wake()
      await until(isAway)
      const reading = feed.service.patiently(() => feed.open())
      reading.catch(() => {})
      feed.service.close()
      expect(await next).toBe(null)
      await expect(reading).rejects.toMatchObject({ name: 'AbortError' })
    })
  })
})
