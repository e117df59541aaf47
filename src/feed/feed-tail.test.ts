import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createTailBench, pollMs, type TailBench } from '../../test/harness/feed-tail.ts'
import type { FeedEntry, FeedPosition } from './feed.ts'

describe('the tail of a feed', () => {
  let bench: TailBench

  const settle = () => vi.advanceTimersByTimeAsync(0)

  beforeEach(() => {
    vi.useFakeTimers()
    bench = createTailBench(settle)
  })
  afterEach(() => {
    bench.close()
    vi.useRealTimers()
  })

  test('knows nothing before somebody has waited, and reads nothing', async () => {
    const tail = bench.open()
    bench.append(3)
    bench.wake()
    await vi.advanceTimersByTimeAsync(3 * pollMs)
    expect(bench.reads).toEqual([])
    expect(tail.after({ place: 0n, id: 0n })).toBe(null)
  })

  test('begins at the horizon, with nothing of what stands before it', async () => {
    bench.append(3)
    const { tail, head } = await bench.openAtHead()
    expect(tail.after(head)).toEqual({ entries: [], to: head })
    expect(tail.after({ place: head.place - 1n, id: 99n })).toBe(null)
    bench.append(2)
    expect(tail.after(head)).toEqual({ entries: [], to: head })
  })

  test('reads once for all who wait, and gives all of them the same objects', async () => {
    const { tail, head } = await bench.openAtHead()
    const waiters = Array.from({ length: 50 }, () => bench.wait(tail, head))
    expect(bench.reads).toHaveLength(1)
    bench.append(3)
    bench.wake()
    await settle()
    expect(bench.reads).toHaveLength(2)
    expect(waiters.map(({ told }) => told)).toEqual(waiters.map(() => [undefined]))
    const [one, other] = [tail.after(head), tail.after(head)]
    expect(one?.entries).toEqual(bench.table)
    for (const [index, entry] of bench.table.entries()) {
      expect(one?.entries[index]).toBe(entry)
      expect(other?.entries[index]).toBe(entry)
    }
    expect(one?.to).toEqual(bench.behind(-1))
  })

  test('reads nothing while nobody waits, and then at once', async () => {
    const { tail, head } = await bench.openAtHead()
    bench.append(1)
    bench.wake()
    await vi.advanceTimersByTimeAsync(2 * pollMs)
    expect(bench.reads).toHaveLength(1)
    const { told } = bench.wait(tail, head)
    await settle()
    expect([bench.reads.length, told]).toEqual([2, [undefined]])
  })

  test('is led by the fastest: who has not seen all that it has is told at once, and makes it read nothing', async () => {
    const { tail, head } = await bench.openAtHead()
    bench.append(10)
    bench.wake()
    const slow = bench.wait(tail, head)
    await settle()
    bench.append(1)
    bench.wake()
    const { told } = bench.wait(tail, head)
    expect([told, slow.told]).toEqual([[undefined], [undefined]])
    await settle()
    expect(bench.reads).toHaveLength(2)
    bench.wait(tail, tail.after(head)?.to as FeedPosition)
    await settle()
    expect(bench.reads).toHaveLength(3)
    expect(tail.after(head)?.entries).toEqual(bench.table)
    expect(tail.after(bench.behind(4))?.entries).toEqual(bench.table.slice(5))
    expect(tail.after({ place: bench.behind(4).place, id: 0n })?.entries).toEqual(bench.table.slice(4))
  })

  test('gives nothing to who has come further by itself, and tells it of what comes then', async () => {
    const { tail, head } = await bench.openAtHead()
    bench.append(2)
    const further = { place: bench.horizon, id: 0n }
    const waiter = bench.wait(tail, further)
    bench.wake()
    await settle()
    expect(waiter.told).toEqual([undefined])
    expect(tail.after(further)?.entries).toEqual([])
    const again = bench.wait(tail, further)
    bench.append(1)
    bench.wake()
    await settle()
    expect(again.told).toEqual([undefined])
    expect(tail.after(further)?.entries).toEqual(bench.table.slice(2))
    expect(tail.after(head)?.entries).toEqual(bench.table)
  })

  test('reads page after page where much has come', async () => {
    const { tail, head } = await bench.openAtHead()
    bench.append(600)
    bench.wake()
    let seen: FeedEntry[] = []
    for (let position = head; seen.length < 600; ) {
      bench.wait(tail, position)
      await settle()
      const known = tail.after(position)
      seen = [...seen, ...(known?.entries ?? [])]
      position = known?.to as FeedPosition
    }
    expect(seen).toEqual(bench.table)
    expect(bench.reads.length).toBeLessThanOrEqual(4)
    bench.wait(tail, bench.behind(-1))
    await settle()
    expect(bench.reads.length).toBeLessThanOrEqual(5)
  })

  test('keeps the last 512 entries, and nothing is known behind them', async () => {
    const { tail, head } = await bench.openAtHead()
    bench.append(512)
    bench.wake()
    await bench.readAll(tail)
    expect(tail.after(head)?.entries).toEqual(bench.table)
    bench.append(100)
    bench.wake()
    await bench.readAll(tail)
    expect(tail.after(head)).toBe(null)
    expect(tail.after(bench.behind(98))).toBe(null)
    expect(tail.after(bench.behind(99))?.entries).toEqual(bench.table.slice(100))
    expect(tail.after(bench.behind(100))?.entries).toEqual(bench.table.slice(101))
  })

  test('keeps entries of 20,000 spans, and the last one however many it has', async () => {
    const { tail, head } = await bench.openAtHead()
    bench.append(40, 500)
    bench.wake()
    await bench.readAll(tail)
    expect(tail.after(head)?.entries).toHaveLength(40)
    bench.append(1, 501)
    bench.wake()
    await bench.readAll(tail)
    expect(tail.after(bench.behind(0))).toBe(null)
    expect(tail.after(bench.behind(1))?.entries).toHaveLength(39)
    bench.append(1, 30_000)
    bench.wake()
    await bench.readAll(tail)
    expect(tail.after(bench.behind(39))).toBe(null)
    expect(tail.after(bench.behind(40))?.entries).toEqual(bench.table.slice(41))
    bench.append(2, 10_000)
    bench.wake()
    await bench.readAll(tail)
    expect(tail.after(bench.behind(41))?.entries).toEqual(bench.table.slice(42))
    expect(tail.after(bench.behind(40))).toBe(null)
  })

  test('tells those who wait why it can not look, and the next one makes it look again', async () => {
    const { tail, head } = await bench.openAtHead()
    const error = new Error('broken')
    const waiters = [bench.wait(tail, head), bench.wait(tail, head)]
    bench.error = error
    bench.append(1)
    bench.wake()
    await settle()
    expect(waiters.map(({ told }) => told)).toEqual([[error], [error]])
    expect(tail.after(head)).toEqual({ entries: [], to: head })
    await vi.advanceTimersByTimeAsync(2 * pollMs)
    expect(bench.reads).toHaveLength(2)
    bench.error = null
    const { told } = bench.wait(tail, head)
    await settle()
    expect([told, bench.reads.length]).toEqual([[undefined], 3])
    expect(tail.after(head)?.entries).toEqual(bench.table)
  })

  test('whose first look fails looks anew for the next', async () => {
    const error = new Error('broken')
    bench.error = error
    const tail = bench.open()
    const { told } = bench.wait(tail, { place: 0n, id: 0n })
    await settle()
    expect(told).toEqual([error])
    bench.error = null
    const next = bench.wait(tail, { place: 0n, id: 0n })
    await settle()
    expect(next.told).toEqual([undefined])
    expect(tail.after({ place: bench.horizon, id: 0n })?.entries).toEqual([])
  })

  test('tells nothing to who has left', async () => {
    const { tail, head } = await bench.openAtHead()
    const [gone, left] = [bench.wait(tail, head), bench.wait(tail, head)]
    gone.leave()
    bench.append(1)
    bench.wake()
    await settle()
    expect([gone.told, left.told]).toEqual([[], [undefined]])
    gone.leave()
    left.leave()
  })

  test('lets somebody leave while it reads', async () => {
    const { tail, head } = await bench.openAtHead()
    const { told, leave } = bench.wait(tail, head)
    bench.isHeld = true
    bench.append(1)
    bench.wake()
    await settle()
    leave()
    bench.answer()
    await settle()
    expect(told).toEqual([])
    expect(tail.after(head)?.entries).toEqual(bench.table)
  })
})
