import { expect, test } from 'vitest'
import { countCharacters, isLongerThan } from './text-length.ts'

test('an emoji is one character', () => {
  expect(countCharacters('a💥')).toBe(2)
  expect(countCharacters('')).toBe(0)
})

test.each([
  ['', 0, false],
  ['a', 0, true],
  ['💥💥', 2, false],
  ['💥💥', 1, true],
  ['aaaa', 2, true],
  ['aaaaa', 2, true],
])('%j is longer than %i: %s', (text, max, isLonger) => {
  expect(isLongerThan(text, max)).toBe(isLonger)
})
