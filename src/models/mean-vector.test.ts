import { expect, test } from 'vitest'
import { meanOfParts, meanVector, unitVector } from './mean-vector.ts'

const vector = (...values: number[]) => Float32Array.from(values)

test('the mean points between, and has the length 1', () => {
  expect(meanVector([vector(1, 0), vector(0, 1)])).toEqual(vector(Math.SQRT1_2, Math.SQRT1_2))
})

test('a part counts the same, however many windows it has', () => {
  const mean = meanOfParts([[vector(1, 0), vector(1, 0), vector(1, 0)], [vector(0, 1)], []])
  expect(mean).toEqual(vector(Math.SQRT1_2, Math.SQRT1_2))
})

test('nothing, zeros and what is no number point nowhere', () => {
  expect(meanVector([])).toBeNull()
  expect(meanOfParts([[], []])).toBeNull()
  expect(meanVector([vector(1, 0), vector(-1, 0)])).toBeNull()
  for (const values of [
    [0, 0],
    [Number.NaN, 1],
    [Number.POSITIVE_INFINITY, 1],
  ])
    expect(unitVector(values)).toBeNull()
})

test('vectors of different models are never added', () => {
  expect(() => meanVector([vector(1, 0), vector(1, 0, 0)])).toThrow('A vector of 2 was required, not of 3.')
})
