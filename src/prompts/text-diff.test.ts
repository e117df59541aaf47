import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createDiffBudget, diffLines, diffTexts, type TextPart } from './text-diff.ts'

test('what stayed, went and came is told in words', () => {
  expect(diffTexts('You are a kind robot.\n', 'You are a very kind human.\n')).toEqual([
    { kind: 'EQUAL', text: 'You are a ' },
    { kind: 'INSERTED', text: 'very ' },
    { kind: 'EQUAL', text: 'kind ' },
    { kind: 'DELETED', text: 'robot' },
    { kind: 'INSERTED', text: 'human' },
    { kind: 'EQUAL', text: '.\n' },
  ])
})

test.each([
  ['', '', ''],
  ['', 'a b', '+a b'],
  ['a b', '', '-a b'],
  ['same', 'same', '=same'],
  ['one\ntwo\n', 'one\n2\ntwo\n', '=one\n|+2\n|=two\n'],
  ['one\r\ntwo', 'one\ntwo', '=one|-\r\n|+\n|=two'],
  ['no newline', 'no newline\n', '=no newline|+\n'],
  ['two  blanks', 'two blanks', '=two|-  |+ |=blanks'],
  ['我喜欢猫。', '我喜欢狗。', '=我喜欢|-猫|+狗|=。'],
  ['Это кот', 'Это код', '=Это |-кот|+код'],
  ['a 😀 b', 'a 😁 b', '=a |-😀|+😁|= b'],
  ['𐐷𐐷 a', '𐐷𐐹 a', '=|-𐐷𐐷|+𐐷𐐹|= a'],
  ['cafe\u0301 au lait', 'cafe au lait', '=|-cafe\u0301|+cafe|= au lait'],
  ['{{name}}', '{{user}}', '={{|-name|+user|=}}'],
])('%j to %j', (before, after, told) => {
  expect(shown(diffTexts(before, after))).toBe(told.replace('=|', ''))
})

const piece = fc.constantFrom(
  'a',
  'b',
  'word',
  ' ',
  '  ',
  '\t',
  '\n',
  '\r\n',
  '\r',
  '.',
  '😀',
  '😁',
  '猫',
  '\u0301',
  '\u2028',
)
const text = fc.oneof(
  fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join('')),
  fc.string({ unit: 'binary', maxLength: 40 }),
)
const budget = fc.option(fc.integer({ min: 0, max: 200 }), { nil: undefined })

test('the parts make both texts, whatever may be spent', () => {
  fc.assert(
    fc.property(text, text, budget, (before, after, steps) => {
      const spendable = () => createDiffBudget(steps === undefined ? { ms: 1e6 } : { steps, ms: 1e6 })
      for (const diff of [diffTexts, diffLines]) {
        const parts = diff(before, after, spendable())
        expectParts(parts, before, after)
        expect(diff(before, after, spendable())).toEqual(parts)
      }
    }),
  )
})

test('no part begins or ends within a surrogate pair', () => {
  fc.assert(
    fc.property(text, text, fc.nat({ max: 100 }), (before, after, steps) => {
      for (const part of diffTexts(before, after, createDiffBudget({ steps, ms: 1e6 }))) {
        expect(part.text.isWellFormed()).toBe(true)
      }
    }),
  )
})

test('the lines that both sides have are as many as there can be', () => {
  const someLines = fc.array(fc.constantFrom('a\n', 'b\n', 'c\n', '\n'), { maxLength: 10 })
  fc.assert(
    fc.property(someLines, someLines, (before, after) => {
      const equal = diffLines(before.join(''), after.join('')).filter(({ kind }) => kind === 'EQUAL')
      const count = equal.reduce((sum, part) => sum + part.text.split('\n').length - 1, 0)
      expect(count).toBe(commonLength(before, after))
    }),
  )
})

test('when nothing may be spent, whole words at both ends are still equal', () => {
  const nothing = createDiffBudget({ steps: 0 })
  expect(shown(diffTexts('x\nlet foobar be it\nx y\n', 'x\nlet foobaz or be\nx z\n', nothing))).toBe(
    '=x\nlet |-foobar be it\nx y|+foobaz or be\nx z|=\n',
  )
})

test('when the time is over, nothing is looked for either', () => {
  const parts = diffTexts('1 a 2 b 3', '1 c 2 d 3', createDiffBudget({ ms: 0 }))
  expect(shown(parts)).toBe('=1 |-a 2 b|+c 2 d|= 3')
})

test('texts that share a budget leave less of it to those that come after', () => {
  const shared = createDiffBudget({ steps: 30, ms: 1e6 })
  expect(diffTexts('1 a 2 b 3', '1 c 2 d 3', shared)).toHaveLength(7)
  expect(shared.steps).toBeLessThan(30)
  expect(shown(diffTexts('1 a 2 b 3 e 4 f', '1 c 2 d 3 g 4 h', shared))).toBe('=1 |-a 2 b 3 e 4 f|+c 2 d 3 g 4 h')
})

function shown(parts: readonly TextPart[]): string {
  const signs = { EQUAL: '=', INSERTED: '+', DELETED: '-' }
  return parts.map(({ kind, text }) => signs[kind] + text).join('|')
}

function expectParts(parts: readonly TextPart[], before: string, after: string): void {
  const without = (left: string) => parts.filter(({ kind }) => kind !== left).map(({ text }) => text)
  expect(without('INSERTED').join('')).toBe(before)
  expect(without('DELETED').join('')).toBe(after)
  for (const [index, { kind, text }] of parts.entries()) {
    expect(text).not.toBe('')
    expect(kind).not.toBe(parts[index + 1]?.kind)
  }
}

function commonLength([first, ...rest]: string[], other: string[]): number {
  if (first === undefined || other.length === 0) return 0
  const at = other.indexOf(first)
  const withFirst = at < 0 ? 0 : 1 + commonLength(rest, other.slice(at + 1))
  return Math.max(withFirst, commonLength(rest, other))
}
