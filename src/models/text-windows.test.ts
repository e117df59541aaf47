import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chooseEvenly, cutInWindows, limitWindows, sampleStretches } from './text-windows.ts'

const size = { maxPieces: 6, countPieces: (run: string) => run.length, maxRunLength: 4 }
const countOf = (window: string) => window.replace(/\s/g, '').length

test('what fits is one window, as it stands', () => {
  expect(cutInWindows('  ab\ncd ', size)).toEqual(['ab\ncd'])
})

test('windows are equal, instead of full ones and a rest', () => {
  expect(cutInWindows('a b c d e f g h', size)).toEqual(['a b c d', 'e f g h'])
})

test('nothing but spaces has no window', () => {
  for (const text of ['', ' \n\t ']) expect(cutInWindows(text, size)).toEqual([])
})

test('a run without spaces is cut, but never within a character', () => {
  expect(cutInWindows('abcdefghij', size)).toEqual(['abcd', 'efghij'])
  for (const window of cutInWindows('a🎉🎉🎉🎉🎉', size)) expect(window.isWellFormed()).toBe(true)
})

test('nothing is lost, and no window is too large', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 9 }), { maxLength: 20 }), (words) => {
      const text = words.join(' ')
      const windows = cutInWindows(text, size)
      expect(windows.join('').replace(/\s/g, '')).toBe(text.replace(/\s/g, ''))
      for (const window of windows) expect(countOf(window)).toBeLessThanOrEqual(size.maxPieces)
    }),
  )
})

test('a run that alone is too large is a window of its own', () => {
  expect(cutInWindows('ab cd ef', { ...size, maxPieces: 1 })).toEqual(['ab', 'cd', 'ef'])
})

test('of many, the first, the last and those at equal distances are chosen', () => {
  expect(chooseEvenly([0, 1, 2, 3, 4, 5, 6, 7, 8], 5)).toEqual([0, 2, 4, 6, 8])
  expect(chooseEvenly([0, 1, 2], 3)).toEqual([0, 1, 2])
  expect(chooseEvenly([0, 1, 2], 1)).toEqual([0])
})

test('what is too much is taken from the largest part', () => {
  const part = (length: number) => Array.from({ length }, (_, index) => `${index}`)
  const lengths = (max: number) => limitWindows([part(100), part(3), [], part(10)], max).map(({ length }) => length)
  expect(lengths(1000)).toEqual([100, 3, 0, 10])
  expect(lengths(64)).toEqual([51, 3, 0, 10])
  expect(lengths(2)).toEqual([1, 1, 0, 1])
})

test('of a long text stretches at equal distances are looked at, in whole words', () => {
  const words = Array.from({ length: 100 }, (_, index) => `w${index + 100}`)
  expect(sampleStretches(words.join(' '), 3, 18)).toEqual(['w100 w101 w102', 'w149 w150', 'w197 w198 w199'])
  expect(sampleStretches('one two', 1, 7)).toEqual(['one two'])
  expect(sampleStretches('abcdefghij', 2, 3)).toEqual(['abc', 'hij'])
})
