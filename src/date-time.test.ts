import fc from 'fast-check'
import { expect, test } from 'vitest'
import { writeDateTime } from './date-time.ts'

test('a moment is written as toISOString does it, whatever was written before', () => {
  fc.assert(
    fc.property(fc.array(fc.date({ noInvalidDate: true })), (moments) => {
      expect(moments.map(writeDateTime)).toEqual(moments.map((moment) => moment.toISOString()))
    }),
  )
  const nearby = fc.integer({ min: -100_000_000, max: 100_000_000 }).map((ms) => new Date(ms))
  fc.assert(
    fc.property(nearby, (moment) => {
      expect(writeDateTime(moment)).toBe(moment.toISOString())
    }),
  )
  expect(() => writeDateTime(new Date(Number.NaN))).toThrow(RangeError)
})
