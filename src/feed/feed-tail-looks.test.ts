import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createTailBench, pollMs, type TailBench } from '../../test/harness/feed-tail.ts'

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

  test('looks again where nobody says anything', async () => {
    const { tail, head } = await bench.openAtHead()
    const { told } = bench.wait(tail, head)
    bench.append(1)
    await vi.advanceTimersByTimeAsync(pollMs)
    expect([bench.reads.length, told]).toEqual([2, [undefined]])
  })

  /** When it read, in ms since now, without being woken. */
  async function timesOfReads(untilMs: number): Promise<number[]> {
    const [began, times] = [Date.now(), [] as number[]]
    for (let known = bench.reads.length; Date.now() - began < untilMs; known = bench.reads.length) {
      await vi.advanceTimersByTimeAsync(1)
      for (let more = known; more < bench.reads.length; more++) times.push(Date.now() - began)
    }
    return times
  }

  test('looks soon, and less and less soon, for what is committed and not settled', async () => {
    const { tail, head } = await bench.openAtHead()
    bench.wait(tail, head)
    bench.isWaiting = true
    bench.wake()
    const times = await timesOfReads(4_000)
    const pauses = times.map((time, index) => time - (times[index - 1] ?? 0))
    expect(pauses[0]).toBeLessThanOrEqual(10)
    for (const [index, pause] of pauses.slice(1).entries())
      expect(pause).toBeGreaterThanOrEqual(pauses[index] as number)
    expect(pauses.at(-1)).toBe(500)
    expect(times.length).toBeLessThan(25)
  })

  test('looks soon anew when something was settled in between', async () => {
    const { tail, head } = await bench.openAtHead()
    bench.wait(tail, head)
    bench.isWaiting = true
    bench.wake()
    await timesOfReads(3_000)
    bench.isWaiting = false
    bench.append(1)
    await timesOfReads(600)
    const { told } = bench.wait(tail, bench.behind(0))
    bench.isWaiting = true
    bench.wake()
    const times = await timesOfReads(100)
    expect(told).toEqual([])
    expect(times[0]).toBeLessThanOrEqual(10)
    expect(times.length).toBeGreaterThan(2)
  })

  test('looks soon when what it found first was not settled', async () => {
    const tail = bench.open()
    bench.isWaiting = true
    bench.wait(tail, { place: 0n, id: 0n })
    await settle()
    const { told } = bench.wait(tail, { place: bench.horizon, id: 0n })
    bench.append(1)
    await vi.advanceTimersByTimeAsync(20)
    expect(told).toEqual([undefined])
  })

  test('does not look soon where nobody waits', async () => {
    const { tail, head } = await bench.openAtHead()
    const { leave } = bench.wait(tail, head)
    bench.isWaiting = true
    bench.wake()
    await settle()
    leave()
    const before = bench.reads.length
    await vi.advanceTimersByTimeAsync(pollMs - 1)
    expect(bench.reads).toHaveLength(before)
  })

  test('looks as soon as before when it was woken in between', async () => {
    const { tail, head } = await bench.openAtHead()
    bench.wait(tail, head)
    bench.isWaiting = true
    for (let more = 0; more < 50; more++) {
      bench.wake()
      await vi.advanceTimersByTimeAsync(1)
    }
    expect((await timesOfReads(20))[0]).toBeLessThanOrEqual(10)
  })

  test('makes one read of many wake-ups', async () => {
    const { tail, head } = await bench.openAtHead()
    bench.wait(tail, head)
    bench.isHeld = true
    bench.wake()
    for (let more = 0; more < 20; more++) bench.wake()
    await settle()
    expect(bench.reads).toHaveLength(2)
    bench.answer()
    await settle()
    // One more for all that came during the first.
    expect(bench.reads).toHaveLength(3)
    await vi.advanceTimersByTimeAsync(pollMs - 1)
    expect(bench.reads).toHaveLength(3)
  })

  test('loses no wake-up that comes while it reads', async () => {
    const { tail, head } = await bench.openAtHead()
    const waiter = bench.wait(tail, head)
    bench.isHeld = true
    bench.wake()
    await settle()
    bench.append(1)
    bench.wake()
    bench.answer()
    await settle()
    expect(waiter.told).toEqual([undefined])
    expect(tail.after(head)?.entries).toEqual(bench.table)
  })

  test('loses no wake-up that comes while it reads something', async () => {
    const { tail, head } = await bench.openAtHead()
    bench.wait(tail, head)
    bench.append(1)
    bench.isHeld = true
    bench.wake()
    await settle()
    bench.append(1)
    bench.wake()
    bench.answer()
    await settle()
    const { told } = bench.wait(tail, bench.behind(0))
    await settle()
    expect(told).toEqual([undefined])
    expect(tail.after(head)?.entries).toEqual(bench.table)
  })

  test('does not keep those waiting who come while it reads', async () => {
    const { tail, head } = await bench.openAtHead()
    const first = bench.wait(tail, head)
    bench.isHeld = true
    bench.append(1)
    bench.wake()
    await settle()
    const second = bench.wait(tail, head)
    bench.answer()
    await settle()
    expect([first.told, second.told]).toEqual([[undefined], [undefined]])
    expect(bench.reads).toHaveLength(2)
  })

  test('leaves no timer and no listener when it is closed, and reads no more', async () => {
    const { tail, head } = await bench.openAtHead()
    bench.wait(tail, head)
    bench.isWaiting = true
    bench.wake()
    await settle()
    expect(vi.getTimerCount()).toBe(2)
    tail.close()
    const before = bench.reads.length
    bench.wake()
    await vi.advanceTimersByTimeAsync(2 * pollMs)
    expect({ isListening: bench.isListening, timers: vi.getTimerCount(), reads: bench.reads.length }).toEqual({
      isListening: false,
      timers: 0,
      reads: before,
    })
  })

  test('leaves no timer when it is closed while it reads', async () => {
    const { tail, head } = await bench.openAtHead()
    const { told } = bench.wait(tail, head)
    bench.isWaiting = true
    bench.isHeld = true
    bench.wake()
    await settle()
    tail.close()
    bench.answer()
    await settle()
    expect({ isListening: bench.isListening, timers: vi.getTimerCount(), told }).toEqual({
      isListening: false,
      timers: 0,
      told: [],
    })
  })
})
