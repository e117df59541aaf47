import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RawJson, stringify } from './raw-json.ts'

/** Values with a RawJson here and there, and what they say when all is parsed. */
const { values } = fc.letrec<{ values: unknown }>((tie) => ({
  values: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.jsonValue(),
    fc.jsonValue().map((value) => new RawJson(JSON.stringify(value))),
    fc.array(tie('values'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('values'), { maxKeys: 4 }),
  ),
}))

describe('stringify', () => {
  test('is JSON.stringify, of the parsed values', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(JSON.parse(stringify(value))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  test('leaves every text as it is, however often and wherever it stands', () => {
    const money = new RawJson('{"b": 1.10,  "a":12345678901234567890}')
    expect(stringify({ first: money, list: [money, null, [money]], none: undefined })).toBe(
      `{"first":${money.text},"list":[${money.text},null,[${money.text}]]}`,
    )
    expect(stringify(money)).toBe(money.text)
  })

  test('puts line breaks out of texts, not out of their strings', () => {
    const text = '{\r\n  "a": "b\\nc"\n}\n'
    expect(stringify([new RawJson(text)])).not.toMatch(/[\r\n]/)
    expect(JSON.parse(stringify([new RawJson(text)]))).toEqual([{ a: 'b\nc' }])
  })

  test('takes a text that is nested 10,000 deep', () => {
    const deep = `${'{"a":['.repeat(5_000)}1${']}'.repeat(5_000)}`
    expect(stringify({ data: { deep: new RawJson(deep) } })).toBe(`{"data":{"deep":${deep}}}`)
  })

  test('takes nobody else`s text for a mark, even from somebody who has seen one', () => {
    const secret = new RawJson('"a secret"')
    let seen: unknown
    const spy = { toJSON: () => (seen = secret.toJSON()) }
    expect(stringify([spy])).toBe('["a secret"]')
    expect(seen).toMatch(/^raw:/)
    const guesses = [seen, 'raw:0:0', `"${seen}"`, { [String(seen)]: seen }, JSON.stringify({ a: seen })]
    expect(stringify([guesses, secret])).toBe(`[${JSON.stringify(guesses)},"a secret"]`)
    expect(stringify([secret, guesses])).toBe(`["a secret",${JSON.stringify(guesses)}]`)
  })

  test('scans no text for marks: one within another text stays what it is', () => {
    let seen: unknown
    const outer = new RawJson('"outer"')
    const nested = {
      toJSON() {
        seen = outer.toJSON()
        return seen
      },
    }
    stringify(nested)
    const quoting = new RawJson(JSON.stringify(seen))
    expect(stringify([quoting, outer])).toBe(`[${JSON.stringify(seen)},"outer"]`)
  })

  test('keeps nothing after a failure', () => {
    const failing = {
      toJSON() {
        throw new Error('no')
      },
    }
    expect(() => stringify([new RawJson('1'), failing])).toThrow('no')
    expect(JSON.stringify(new RawJson('[1, 2]'))).toBe('[1,2]')
    expect(stringify([new RawJson('2')])).toBe('[2]')
  })

  test('may be called while it runs', () => {
    const inner = { toJSON: () => stringify([new RawJson('1 ')]) }
    expect(stringify([new RawJson('0 '), inner, new RawJson('2 ')])).toBe('[0 ,"[1 ]",2 ]')
  })
})

test('any other JSON.stringify sees the parsed value', () => {
  expect(JSON.stringify({ a: new RawJson('{"b": [1]}') })).toBe('{"a":{"b":[1]}}')
})
