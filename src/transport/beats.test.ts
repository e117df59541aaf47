import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createBeats } from './beats.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('everyone is called once in each period, and not all at once', () => {
  const beats = createBeats(5_000)
  const counts = Array.from({ length: 200 }, () => 0)
  for (const index of counts.keys()) {
    beats.join(() => {
      counts[index] = (counts[index] ?? 0) + 1
    })
  }
  vi.advanceTimersByTime(100)
  expect(counts.filter((count) => count > 0)).toHaveLength(200 / 50)
  vi.advanceTimersByTime(4_900)
  expect(new Set(counts)).toEqual(new Set([1]))
  vi.advanceTimersByTime(15_000)
  expect(new Set(counts)).toEqual(new Set([4]))
})

test('one timer does it for all, and nobody needs it who has left', () => {
  const beats = createBeats(5_000)
  let calls = 0
  const leaves = Array.from({ length: 100 }, () => beats.join(() => calls++))
  expect(vi.getTimerCount()).toBe(1)
  for (const leave of leaves) {
    leave()
    leave()
  }
  expect(vi.getTimerCount()).toBe(0)
  const leave = beats.join(() => {
    calls++
    leave()
  })
  vi.advanceTimersByTime(20_000)
  expect(calls).toBe(1)
})
