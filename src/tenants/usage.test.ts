import fc from 'fast-check'
import { expect, test } from 'vitest'
import { monthOf, spansLeft, usageThreshold } from './usage.ts'

const count = fc.nat(2_147_483_647)

test.each([
  ['2026-11-30T23:59:59.999Z', '2026-11'],
  ['2026-12-01T00:00:00.000Z', '2026-12'],
  ['2026-12-01T00:59:00+01:00', '2026-11'],
])('%s is of the month %s', (moment, month) => {
  expect(monthOf(new Date(moment))).toBe(month)
})

test('what is left and what was taken are the limit, until it is exceeded', () => {
  fc.assert(
    fc.property(count, count, (spans, limit) => {
      expect(spansLeft({ spans }, limit)).toBe(spans > limit ? 0 : limit - spans)
    }),
  )
  expect(spansLeft({ spans: 7 }, null)).toBeNull()
})

test.each([
  [0, 100, 0],
  [49, 100, 0],
  [50, 100, 50],
  [79, 100, 50],
  [80, 100, 80],
  [90, 100, 90],
  [99, 100, 90],
  [100, 100, 100],
  [5_000, 100, 100],
  [0, 0, 100],
  [1, 3, 0],
  [2, 3, 50],
])('%i of %i spans reach the threshold %i', (spans, limit, threshold) => {
  expect(usageThreshold({ spans }, limit)).toBe(threshold)
})

test('a threshold is never ahead of the usage, never falls while it grows, and is none without a limit', () => {
  fc.assert(
    fc.property(count, count, count, (one, other, limit) => {
      const [less, more] = one < other ? [one, other] : [other, one]
      const threshold = usageThreshold({ spans: less }, limit)
      expect(threshold * limit).toBeLessThanOrEqual(less * 100)
      expect(usageThreshold({ spans: more }, limit)).toBeGreaterThanOrEqual(threshold)
      expect(usageThreshold({ spans: more }, null)).toBe(0)
    }),
  )
})
