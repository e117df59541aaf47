import fc from 'fast-check'
import { expect, test } from 'vitest'
import { errorRate, maxBuckets, requireBuckets, successRate, type TraceStatsBucket } from './trace-stats.ts'

const count = fc.nat(1_000_000_000)

test('a rate is a share of what is known, and unknown where nothing is', () => {
  fc.assert(
    fc.property(count, count, (some, others) => {
      const rates = [
        successRate({ succeeded: some, failed: others }),
        errorRate({ errors: some, ended: some + others }),
      ]
      if (some + others === 0) expect(rates).toEqual([null, null])
      else for (const rate of rates) expect(rate).toBe(some / (some + others))
    }),
  )
  expect(successRate({ succeeded: 0, failed: 3 })).toBe(0)
  expect(errorRate({ errors: 0, ended: 3 })).toBe(0)
})

test('more buckets than are given at once are refused with advice', () => {
  const buckets = Array.from({ length: maxBuckets + 1 }, () => ({}) as TraceStatsBucket)
  expect(() => requireBuckets(buckets.slice(1), 'MINUTE')).not.toThrow()
  expect(() => requireBuckets(buckets, 'MINUTE')).toThrow(
    expect.objectContaining({
      code: 'INVALID_INPUT',
      details: { field: 'interval', hint: expect.stringContaining('startedAt') },
    }),
  )
})
