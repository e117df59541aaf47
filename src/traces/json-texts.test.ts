import fc from 'fast-check'
import { expect, test } from 'vitest'
import { textsOfJson } from './json-texts.ts'

test.each([
  ['"one"', ['one']],
  ['["a\\"b\\\\", "\\u6771\\ud83c\\udf89", ""]', ['a"b\\', '東🎉', '']],
  ['{"key": "value", "other" : {"deep": [1, -2.5e3]}, "flag": true, "none": null}', ['value', '1', '-2.5e3']],
  ['[0,10,"2"]', ['0', '10', '2']],
  ['7', ['7']],
  ['', []],
  ['["whole", "cut', ['whole', 'cut']],
  ['["cut in \\', ['cut in ']],
  ['["cut in \\u67', ['cut in ']],
  ['["not cut in \\\\', ['not cut in \\']],
  ['{"ke', ['ke']],
])('the strings and numbers of %s', (json, texts) => {
  expect(textsOfJson(json)).toEqual(texts)
})

test('finds the strings and numbers of any value, in order, as JSON.parse would, and without its keys', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), fc.constantFrom(0, 2), (value, indent) => {
      expect(textsOfJson(JSON.stringify(value, null, indent))).toEqual(leavesOf(value))
    }),
  )
})

test('a text that is cut off anywhere gives what stands before the cut', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' })), fc.nat(), (values, cut) => {
      const json = JSON.stringify(values)
      const texts = textsOfJson(json.slice(0, cut % (json.length + 1)))
      const whole = texts.slice(0, -1)
      expect(whole).toEqual(values.slice(0, whole.length))
      expect(values[whole.length] ?? '').toContain(texts.at(-1) ?? '')
    }),
  )
})

test('takes time by length, and none by depth', () => {
  expect(textsOfJson(`${'['.repeat(1_000_000)}1`)).toEqual(['1'])
  expect(textsOfJson(`"${'\\'.repeat(1_000_000)}"`)[0]).toHaveLength(500_000)
  expect(textsOfJson(`"${'\\"'.repeat(500_000)}"`)[0]).toHaveLength(500_000)
})

function leavesOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value === 'number') return [JSON.stringify(value)]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leavesOf) : []
}
