import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addDecimals,
  compareDecimals,
  decimalFromFloat,
  decimalOf,
  parseDecimal,
  placesOf,
  unitsOf,
} from './decimal.ts'

/** Any decimal that is allowed, with where it came from: an integer of so many places. */
const anyDecimal = fc
  .record({ places: fc.integer({ min: 0, max: 18 }), units: fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }) })
  .map(({ places, units }) => ({ places, units, decimal: decimalOf(units, places) }))

const canonical = /^(0|-?(0\.\d*[1-9]|[1-9]\d*(\.\d*[1-9])?))$/

describe('a decimal', () => {
  test.each<[unknown, string]>([
    ['-12.0450', '-12.045'],
    ['0.0045', '0.0045'],
    ['+1.50', '1.5'],
    ['007', '7'],
    ['100', '100'],
    ['-0.000', '0'],
    ['1e-7', '0.0000001'],
    ['4.5E-05', '0.000045'],
    ['12.5e3', '12500'],
    ['0e9999', '0'],
    ['9'.repeat(30), '9'.repeat(30)],
    [`0.${'0'.repeat(17)}1`, '0.000000000000000001'],
    [`1.${'0'.repeat(40)}`, '1'],
    [1e-7, '0.0000001'],
    [1e21, '1000000000000000000000'],
    [-0, '0'],
    [0.1, '0.1'],
    [0.1 + 0.2, '0.30000000000000004'],
    [123 * 2.5e-6, '0.0003075'],
    [5e-324, '0'],
    [Number.MAX_SAFE_INTEGER, '9007199254740991'],
  ])('%j is %s', (value, decimal) => {
    expect(parseDecimal(value)).toBe(decimal)
  })

  test.each<[unknown]>([
    [''],
    [' 1'],
    ['1\n'],
    ['1.'],
    ['.5'],
    ['-'],
    ['1,5'],
    ['1_000'],
    ['0x10'],
    ['NaN'],
    ['Infinity'],
    ['1e'],
    ['1e99999'],
    ['1e30'],
    ['1e-19'],
    ['1'.repeat(31)],
    [`0.${'0'.repeat(18)}1`],
    ['0'.repeat(101)],
    ['٣'],
    ['1\0'],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [1e31],
    [null],
    [undefined],
    [true],
    [1n],
    [[1]],
    [{ valueOf: () => 1 }],
  ])('%o is none', (value) => {
    expect(parseDecimal(value)).toBeNull()
  })

  test('is canonical, and itself again when it is read again', () => {
    fc.assert(
      fc.property(fc.oneof(fc.double(), fc.float(), fc.stringMatching(/^[+-]?\d{1,32}(\.\d{1,20})?$/)), (value) => {
        const decimal = parseDecimal(value)
        if (decimal === null) return
        expect(decimal).toMatch(canonical)
        expect(parseDecimal(decimal)).toBe(decimal)
      }),
    )
  })

  test('of an ordinary number reads back as that number', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e15, max: 1e15, noNaN: true }), (value) => {
        const decimal = parseDecimal(value)
        // Half of the last place, and what the subtraction itself is off by.
        expect(Math.abs(Number(decimal) - value)).toBeLessThanOrEqual(5e-19 + Number.EPSILON * Math.abs(value))
      }),
    )
  })

  test('is the integer that it came from', () => {
    fc.assert(
      fc.property(anyDecimal, ({ decimal, units, places }) => {
        expect(decimal).toMatch(canonical)
        expect(unitsOf(decimal, places)).toBe(units)
        expect(placesOf(decimal)).toBeLessThanOrEqual(places)
      }),
    )
  })

  test('loses no digit', () => {
    expect(() => unitsOf('0.001', 2)).toThrow('0.001 has more than 2 decimal places')
  })
})

describe('sums', () => {
  test.each<[string[], string]>([
    [[], '0'],
    [['0.1', '0.2'], '0.3'],
    [['1', '-1.0000000001'], '-0.0000000001'],
    [['999999999999999999999999999999', '0.000000000000000001'], '999999999999999999999999999999.000000000000000001'],
  ])('%j is %s', (decimals, sum) => {
    expect(addDecimals(decimals)).toBe(sum)
  })

  test("are the integers' sums, in any order and grouping", () => {
    fc.assert(
      fc.property(fc.array(anyDecimal), fc.nat(), (list, at) => {
        const decimals = list.map(({ decimal }) => decimal)
        const sum = addDecimals(decimals)
        expect(unitsOf(sum, 18)).toBe(list.reduce((total, { decimal }) => total + unitsOf(decimal, 18), 0n))
        const cut = at % (decimals.length + 1)
        expect(addDecimals([addDecimals(decimals.slice(cut)), addDecimals(decimals.slice(0, cut))])).toBe(sum)
      }),
    )
  })
})

describe('order', () => {
  test('is that of the values, not of the texts', () => {
    const sorted = ['-10', '-9.5', '-0.1', '0', '0.0000001', '0.5', '9', '10', '100']
    expect([...sorted].reverse().sort(compareDecimals)).toEqual(sorted)
  })

  test('is total, and equal only to itself', () => {
    fc.assert(
      fc.property(anyDecimal, anyDecimal, ({ decimal: a }, { decimal: b }) => {
        const difference = unitsOf(a, 18) - unitsOf(b, 18)
        expect(compareDecimals(a, b)).toBe(difference < 0n ? -1 : difference > 0n ? 1 : 0)
        expect(compareDecimals(a, b) === 0).toBe(a === b)
      }),
    )
  })
})

describe('rounding', () => {
  test.each<[number, number, string | null]>([
    [0.0000000000005, 12, '0.000000000001'],
    [-0.0000000000005, 12, '-0.000000000001'],
    [0.00000000000049, 12, '0'],
    [1.005, 2, '1.01'],
    [9.999, 2, '10'],
    [0.7, 0, '1'],
    [0.07, 0, '0'],
    [123.456, 12, '123.456'],
    [1e20, 2, '100000000000000000000'],
    [-1e-9, 2, '0'],
    [Number.NaN, 2, null],
    [1e300, 2, null],
  ])('%d to %d places is %s', (value, places, decimal) => {
    expect(decimalFromFloat(value, places)).toBe(decimal)
  })

  test('is off by half a unit at most', () => {
    fc.assert(
      fc.property(anyDecimal, fc.integer({ min: 0, max: 12 }), ({ units }, places) => {
        const value = Number(units % 10n ** 15n) / 1e9
        const exact = unitsOf(parseDecimal(value) ?? '', 18)
        const error = unitsOf(decimalFromFloat(value, places) ?? '', 18) - exact
        expect((error < 0n ? -error : error) * 2n <= 10n ** BigInt(18 - places)).toBe(true)
      }),
    )
  })
})
