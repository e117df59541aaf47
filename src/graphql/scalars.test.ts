import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseDateTime } from './scalars.ts'

describe('DateTime', () => {
  test.each([
    ['2026-11-21T09:30:00.000Z', '2026-11-21T09:30:00.000Z'],
    ['2026-11-21T09:30Z', '2026-11-21T09:30:00.000Z'],
    ['2026-11-21T09:30:00+02:00', '2026-11-21T07:30:00.000Z'],
    ['2026-11-21T09:30:00.123456789-00:30', '2026-11-21T10:00:00.123Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
  ])('takes %s', (given, moment) => {
    expect(parseDateTime(given).toISOString()).toBe(moment)
  })

  test.each([
    ['no offset', '2026-11-21T09:30:00'],
    ['no time', '2026-11-21'],
    ['words', 'yesterday'],
    ['a month too many', '2026-13-01T00:00:00Z'],
    ['a day too many', '2026-02-30T00:00:00Z'],
    ['29 February of a common year', '2026-02-29T00:00:00Z'],
    ['hour 25', '2026-01-01T25:00:00Z'],
    ['a number', 1_700_000_000],
    ['null', null],
    ['undefined', undefined],
    ['a list', ['2026-11-21T09:30:00.000Z']],
    ['space around it', ' 2026-11-21T09:30:00.000Z '],
    ['a megabyte', '2'.repeat(1_000_000)],
  ])('refuses %s in a short sentence', (_, given) => {
    const parse = () => parseDateTime(given)
    expect(parse).toThrow(/^DateTime expects ISO 8601/)
    expect(parse).toThrow(/^.{1,300}$/)
  })

  test('gives back every moment that it was given', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
        (date) => {
          expect(parseDateTime(date.toISOString())).toEqual(date)
        },
      ),
    )
  })
})
