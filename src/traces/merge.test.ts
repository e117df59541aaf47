import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { merge, spanContentRules, spanRules, traceRules } from './merge.ts'

const moment = fc.integer({ min: 0, max: 9 }).map((second) => `2026-01-01T00:00:0${second}.000Z`)
const text = fc.constantFrom('a', 'b', 'bb', 'é', '💥', '')
const json = fc.constantFrom<unknown>(0, 'x', [1], { a: 1 }, null)
const span = fc.record(
  {
    name: text,
    parentId: text,
    status: fc.integer({ min: 0, max: 3 }),
    startedAt: moment,
    endedAt: moment,
    inputTokens: fc.nat(5),
    cost: fc.constantFrom('0', '0.5', '0.25', '12', '9'),
  },
  { requiredKeys: [] },
)
const content = fc.record(
  { input: json, attributes: fc.dictionary(fc.constantFrom('a', 'b', '__proto__', '1'), json) },
  { requiredKeys: [] },
)

describe.each([
  ['spans', span, spanRules],
  ['contents', content, spanContentRules],
] as const)('the merge of %s', (_, record, rules) => {
  const join = (one: object, other: object) => merge(rules, one, other)

  test('depends on no order', () => {
    fc.assert(fc.property(record, record, (one, other) => void expect(join(one, other)).toEqual(join(other, one))))
  })

  test('depends on no grouping', () => {
    fc.assert(
      fc.property(record, record, record, (a, b, c) => void expect(join(join(a, b), c)).toEqual(join(a, join(b, c)))),
    )
  })

  test('knows no repetition', () => {
    fc.assert(fc.property(record, record, (a, b) => void expect(join(join(a, b), a)).toEqual(join(a, b))))
  })
})

test('silence erases nothing', () => {
  expect(merge(traceRules, { id: 't', name: 'a', cost: '1' }, { id: 't' })).toEqual({ id: 't', name: 'a', cost: '1' })
})

test('the later, the greater or the fuller value stays', () => {
  const start = { name: 'call', status: 0, startedAt: '2026-01-01T00:00:01.000Z', model: 'gpt-4o', inputTokens: 1 }
  const end = {
    name: 'call',
    status: 1,
    startedAt: '2026-01-01T00:00:00.500Z',
    endedAt: '2026-01-01T00:00:02.000Z',
    model: 'gpt-4o-2024-08-06',
    inputTokens: 10,
  }
  expect(merge(spanRules, end, start)).toEqual(end)
})

test('money is compared as money, a failure beats a success, tags are gathered', () => {
  const one = { cost: '9', success: true, tags: ['b', 'é'] }
  const other = { cost: '12', success: false, tags: ['a', 'b'] }
  expect(merge(traceRules, one, other)).toEqual({ cost: '12', success: false, tags: ['a', 'b', 'é'] })
})

test('objects are merged key by key', () => {
  const merged = merge(spanContentRules, { attributes: { a: 1, b: 'x' } }, { attributes: { b: 'longer', c: [] } })
  expect(merged).toEqual({ attributes: { a: 1, b: 'longer', c: [] } })
})
