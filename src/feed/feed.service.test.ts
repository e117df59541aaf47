import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createFeedWorkbench, type FeedWorkbench, idsIn, type TestFeed } from '../../test/harness/feed-service.ts'
import { chance, oneOf } from '../../test/harness/feed-traffic.ts'
import { naming, recordStatements } from '../../test/harness/statements.ts'
import type { FeedReader } from './feed.service.ts'
import type { FeedEntry } from './feed.ts'
import { encodeFeedCursor, feedCursorAfter } from './feed-cursor.ts'

describe('the feed as its readers have it', () => {
  let workbench: FeedWorkbench
  let feed: TestFeed

  beforeAll(async () => {
    workbench = await createFeedWorkbench()
  })
  afterAll(() => workbench.close())
  beforeEach(() => {
    feed = workbench.openFeed()
  })
  afterEach(() => {
    feed.close()
    expect(feed.countListeners()).toBe(0)
  })

  const query = (text: string, values: unknown[] = [feed.tenantId]) => workbench.direct.query(text, values)

  test('begins now, and has what comes then', async () => {
    await feed.write(3)
    const reader = await feed.open()
    const before = await feed.ids()
    await feed.write(2)
    await feed.write()
    expect(idsIn(await feed.read(reader, 3))).toEqual((await feed.ids()).slice(before.length))
  })

  test('goes on behind a receipt and behind every event, in any process', async () => {
    const receipt = await feed.write(2)
    await feed.write(3)
    await feed.write(2)
    const ids = await feed.ids()
    const told = await feed.read(await feed.open(receipt), 5)
    expect(idsIn(told)).toEqual(ids.slice(2))
    for (const [index, entry] of told.slice(0, -1).entries()) {
      const rest = await feed.read(await feed.open(feed.cursorBehind(entry)), 4 - index)
      expect(idsIn(rest)).toEqual(ids.slice(3 + index))
    }
  })

  test('is whole and in order for all, however slow they are, while it is written', async () => {
    const receipt = await feed.write()
    const total = 4_000
    let written = 0
    const writers = Array.from({ length: 4 }, async () => {
      while (written < total) {
        const many = oneOf([1, 1, 3, 20])
        written += many
        await feed.write(many)
        await pause(chance(0.1) ? 10 : 0)
      }
    })
    // The slowest come to fall behind what is kept for all.
    const slowness = [0, 0, 0, 0, 1, 5, 20, 100, 300, 1_500]
    const opened = await Promise.all(slowness.map(() => feed.open(receipt)))
    const all = slowness.map(async (slownessMs, index) => {
      const told: FeedEntry[] = []
      let reader = opened[index] as FeedReader
      while (told.length < total || told.length < written) {
        told.push(...(await feed.read(reader, 1)))
        await pause(slownessMs * Math.random())
        if (!chance(0.05)) continue
        reader.close()
        reader = await feed.open(feed.cursorBehind(told.at(-1) as FeedEntry))
      }
      return idsIn(told)
    })
    const [told] = await Promise.all([Promise.all(all), ...writers])
    const ids = (await feed.ids()).slice(1)
    for (const each of told) expect(each).toEqual(ids)
  })

  test('is read once for all who are at its head', async () => {
    const opened = await Promise.all(Array.from({ length: 50 }, () => feed.open()))
    const other = await feed.open(null, 'tn_other')
    await feed.write()
    await feed.write(1, 'tn_other')
    await Promise.all([...opened.map((reader) => feed.read(reader, 1)), feed.read(other, 1)])
    const all = opened.map((reader) => feed.read(reader, 1))
    await pause(50)
    const { texts, result } = await recordStatements(async () => {
      await feed.write()
      return Promise.all(all)
    })
    expect(new Set(result.map(([entry]) => entry)).size).toBe(1)
    // Again, and less and less soon, where somebody else's transaction, in whatever database, delays it.
    const reads = naming('feed', texts).filter((text) => !/insert/.test(text))
    expect(reads.length).toBeLessThan(opened.length / 2)
  })

  test('is not read while nothing happens', async () => {
    await feed.openAtHead()
    await pause(100)
    const { texts } = await recordStatements(() => pause(300))
    expect(naming('feed', texts)).toEqual([])
  })

  test('is shared by those who stay when others leave, and nobody listens when all have left', async () => {
    const [one, other] = [await feed.open(), await feed.open()]
    one.close()
    one.close()
    await feed.write()
    expect(await feed.read(other, 1)).toHaveLength(1)
    other.close()
    expect(feed.countListeners()).toBe(0)
    const again = await feed.open()
    await feed.write()
    expect(await feed.read(again, 1)).toHaveLength(1)
  })

  test.each(['at the head', 'behind'])(
    'comes to a reader %s as soon as it is settled, though nobody says so',
    async (at) => {
      const receipt = await feed.write()
      const { next } = await feed.openAtHead()
      const long = await workbench.direct.connect()
      await long.query('begin; select pg_current_xact_id()')
      await feed.write(2)
      const waiting = at === 'at the head' ? next : feed.read(await feed.open(receipt), 3)
      expect(await Promise.race([waiting, pause(700, 'nothing')])).toBe('nothing')
      await long.query('commit')
      long.release()
      const told = await Promise.race([waiting, pause(5_000, [])])
      expect(idsIn(told ?? [])).toEqual((await feed.ids()).slice(at === 'at the head' ? 2 : 1))
    },
  )

  test('comes as soon as it is settled to the first who watches', async () => {
    const receipt = await feed.write()
    const long = await workbench.direct.connect()
    await long.query('begin; select pg_current_xact_id()')
    await feed.write()
    const next = (await feed.open(receipt)).next()
    await pause(200)
    await long.query('commit')
    long.release()
    expect(await Promise.race([next, pause(5_000, [])])).toHaveLength(1)
  })

  describe('of which the beginning is removed', () => {
    const expired = { code: 'CURSOR_EXPIRED', details: { field: 'after', hint: expect.any(String) } }

    /** So many events, and up to which of them they are removed. */
    async function removeFirst(count: number): Promise<void> {
      await query(
        `with gone as (
           delete from feed where tenant_id = $1 and id in (
             select id from feed where tenant_id = $1 order by place, id limit $2) returning place, id)
         insert into feed_floors (tenant_id, place, id) select $1, place, id from gone order by place desc, id desc limit 1
         on conflict (tenant_id) do update set place = excluded.place, id = excluded.id`,
        [feed.tenantId, count],
      )
    }

    test('refuses a cursor that stands before what is left, and takes the one that stands right there', async () => {
      const receipt = await feed.write()
      await feed.write(5)
      const told = await feed.read(await feed.open(receipt), 5)
      const ids = await feed.ids()
      await removeFirst(3)
      await expect(feed.open(receipt)).rejects.toMatchObject(expired)
      await expect(feed.open(feed.cursorBehind(told[0] as FeedEntry))).rejects.toMatchObject(expired)
      const rest = await feed.read(await feed.open(feed.cursorBehind(told[1] as FeedEntry)), 3)
      expect(idsIn(rest)).toEqual(ids.slice(3))
    })

    test('refuses a cursor amid the spans of an event that is removed', async () => {
      const receipt = await feed.write()
      await feed.write(2)
      const [one] = await feed.read(await feed.open(receipt), 2)
      const { position } = one as FeedEntry
      const amid = encodeFeedCursor(feed.tenantId, { position, start: null, spans: 1 })
      expect((await feed.read(await feed.open(amid), 2))[0]).toMatchObject({ position, toldSpans: 1 })
      await removeFirst(2)
      await expect(feed.open(amid)).rejects.toMatchObject(expired)
    })

    test('says so to a reader that slept meanwhile, and no longer', async () => {
      const receipt = await feed.write()
      const [slow, fast] = [await feed.open(receipt), await feed.open(receipt)]
      await feed.write(600)
      await feed.read(slow, 1)
      await feed.read(fast, 600)
      for (let more = 0; more < 3; more++) {
        await feed.write(400)
        await feed.read(fast, 400)
      }
      await removeFirst(1_000)
      await expect(feed.read(slow, 1_200)).rejects.toMatchObject(expired)
      await feed.write()
      expect(await feed.read(fast, 1)).toHaveLength(1)
    })

    test('goes on for who waits at its head, though all of it is removed', async () => {
      const { reader, next } = await feed.openAtHead()
      await removeFirst(10)
      await feed.write()
      expect(await next).toHaveLength(1)
      await removeFirst(10)
      await feed.write()
      expect(await feed.read(reader, 1)).toHaveLength(1)
    })
  })

  test('refuses a cursor from the future, of a database that was set back', async () => {
    const { rows } = await query('select pg_snapshot_xmax(pg_current_snapshot())::text as xmax', [])
    const ahead = BigInt(rows[0].xmax) + 1_000_000n
    const behindAnEvent = encodeFeedCursor(feed.tenantId, {
      position: { place: ahead, id: 1n },
      start: null,
      spans: null,
    })
    const receipt = feedCursorAfter(feed.tenantId, { snapshot: `${ahead}:${ahead + 2n}:`, own: ahead + 1n })
    for (const cursor of [behindAnEvent, receipt]) {
      await expect(feed.open(cursor)).rejects.toMatchObject({ code: 'CURSOR_EXPIRED', details: { field: 'after' } })
    }
  })

  test('refuses a cursor of another tenant', async () => {
    const receipt = await feed.write(1, 'tn_other')
    await expect(feed.open(receipt)).rejects.toMatchObject({ code: 'INVALID_INPUT', details: { field: 'after' } })
  })
})
