import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { newId, randomText } from './ids.ts'

afterEach(() => void vi.useRealTimers())

describe('newId', () => {
  test('begins with its prefix, then 26 characters that nobody mistakes', () => {
    expect(newId('tn')).toMatch(/^tn_[0-9a-hjkmnp-tv-z]{26}$/)
  })

  test('never comes twice, also within a millisecond', () => {
    vi.useFakeTimers({ now: 1_800_000_000_000 })
    expect(new Set(Array.from({ length: 10_000 }, () => newId('x'))).size).toBe(10_000)
  })

  test('sorts by the time at which it was made, for as long as there are 48 bits of it', () => {
    vi.useFakeTimers()
    const time = fc.integer({ min: 0, max: 2 ** 48 - 1 })
    fc.assert(
      fc.property(time, time, (one, other) => {
        if (one !== other) expect(idAt(one) < idAt(other)).toBe(one < other)
      }),
    )
  })
})

function idAt(ms: number): string {
  vi.setSystemTime(ms)
  return newId('x')
}

test('randomText has as many bits as were asked for, five a character', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000 }), (bits) => {
      const text = randomText(bits)
      expect(text).toMatch(/^[0-9a-hjkmnp-tv-z]+$/)
      expect(text.length * 5).toBeGreaterThanOrEqual(bits)
      expect(text.length * 5).toBeLessThan(bits + 8 + 5)
    }),
  )
  expect(new Set(Array.from({ length: 10_000 }, () => randomText(80))).size).toBe(10_000)
})
