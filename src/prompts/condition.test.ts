import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ConditionError, decide, maxConditionLength, parseCondition } from './condition.ts'

const values = {
  count: 3,
  price: 1.5,
  name: 'ada',
  tags: ['x', 'y'],
  user: { plan: 'pro', none: null, address: { city: 'Zürich' } },
  items: [{ kind: 'a', score: 0.5 }, { kind: 'b' }, { kind: 'b' }],
  index: 1,
  type: 'order',
  $: 1,
}

test.each([
  'true',
  'count > 3 == false',
  'count == 3 && count != 4 && count >= 3',
  'count + 1 == 4 && 1 + count == 4.0 && count * 2 == 6 && count - 0.5 == 2.5',
  'count / 2 == 1.5 && count % 2 == 1 && 7 / 2 == 3',
  'count in [1, 2, 3] && {3: true}[count]',
  'price > 1.5 == false && price > 1',
  'int(price) == 1 && string(count) == "3"',
  'size(items) > 2 && items.size() == 3 && size(name) == 3',
  "'x' in tags && !('z' in tags) && 'plan' in user",
  'has(user.plan) && !has(user.age) && !has(user.none) && !has(absent.age)',
  "user.plan == 'pro' && user['plan'] == 'pro' && user.address.city.contains('üri')",
  'user.none == null && absent == null',
  "name.startsWith('a') && name.endsWith('a') && name.matches('^[a-z]+$')",
  "items.exists(i, i.kind == 'a') && items.all(i, has(i.kind)) && items.exists_one(i, i.kind == 'a')",
  "items.filter(i, i.kind == 'b').map(i, i.kind) == ['b', 'b']",
  "items[0].kind == 'a' && items[index].kind == 'b' && tags[index] == 'y'",
  "type == 'order' && list != null",
  'type(count) == double',
  'count > 3 ? false : true',
  "user == {'plan': 'pro', 'none': null, 'address': {'city': 'Zürich'}}",
  'tags + tags == ["x", "y", "x", "y"] && name + name == "adaada"',
  "timestamp('2024-01-01T00:00:00Z') < timestamp('2025-01-01T00:00:00Z')",
  'absent == null // a comment with ((((((((((((((((((((((((((((((((((((((((((((((((((\n',
  `name != "${'('.repeat(100)}" && name != r'${'['.repeat(100)}\\' && name != '''${'{'.repeat(100)}'''`,
])('%s holds', (text) => {
  if (text.startsWith('type(')) return expect(decide(parseCondition(text), { count: 3 })).toBe(true)
  expect(decide(parseCondition(text), values)).toBe(true)
})

test.each([
  ["user.plan == 'pro' && count > limit.max", ['user', 'count', 'limit']],
  ['items.exists(i, i == other && items.all(j, j == i))', ['items', 'other']],
  ['i && [1].exists(i, i == 1)', ['i']],
  ['has(user.plan) && size(tags) > int(price)', ['user', 'tags', 'price']],
  ['{key: value}[index] && .root', ['key', 'value', 'index', 'root']],
  ['1 == 1', []],
])('%s reads %j', (text, names) => {
  expect(parseCondition(text).names).toEqual(names)
})

test('a name of a CEL type is a variable where one is given', () => {
  const condition = parseCondition("type == 'order' || x == string")
  expect(condition).toMatchObject({ names: ['x'], typeNames: ['type', 'string'] })
  expect(decide(condition, { type: 'order' })).toBe(true)
  expect(decide(condition, {})).toBe(false)
})

test.each([
  ['', 0, /CEL condition.*its end/],
  ['a == ', 2, /CEL condition/],
  ['a = b', 2, /got "= b"/],
  ['a ? b', 2, /got "\? b"/],
  ["'open", 0, /CEL condition/],
  ["'\\ud800' == a", null, /surrogate/],
  ['name.startWith("a")', null, 'There is no function "startWith".'],
  ['has(user)', null, 'There is no function "has".'],
  ['google.protobuf.Struct{}', null, 'There is no message type "google.protobuf.Struct".'],
  ['a'.repeat(maxConditionLength + 1), null, 'A condition has up to 2000 characters; got 2001.'],
])('%j is no condition', (text, offset, message) => {
  expect(() => parseCondition(text)).toThrow(ConditionError)
  expect(() => parseCondition(text)).toThrow(message)
  expect(() => parseCondition(text)).toThrow(expect.objectContaining({ offset }))
})

test.each([
  ['user.age > 3', /can't be decided: field not found: age/],
  ['absent.age', /field not found: age/],
  ['count > "3"', /no matching overload/],
  ['absent > 3', /no matching overload.*null/],
  ['items[3].kind == "a"', /out of bounds/],
  ['1 / 0 == 1', /divide by zero/],
  ['name.matches("(")', /regexp/],
  ['name', 'A condition is true or false; this one is of type string.'],
  ['absent', /of type null/],
  ['[true]', /of type list/],
])('%s can not be decided', (text, message) => {
  const condition = parseCondition(text)
  expect(() => decide(condition, values)).toThrow(ConditionError)
  expect(() => decide(condition, values)).toThrow(message)
})

test('what is decided together has one allowance, and nothing is decided without it', () => {
  const allowance = { msLeft: 100 }
  const slow = parseCondition('items.all(a, items.all(b, items.all(c, a + b + c != -1)))')
  const given = { items: Array.from({ length: 3_000 }, (_, index) => index) }
  expect(() => decide(slow, given, allowance)).toThrow('longer than 100 ms')
  expect(allowance.msLeft).toBeLessThanOrEqual(0)
  expect(() => decide(parseCondition('1 == 1'), {}, allowance)).toThrow('longer than 100 ms')
  expect(decide(parseCondition('1 == 1'), {})).toBe(true)
})

test('lists of thousands can be filtered and gone through again', () => {
  const items = Array.from({ length: 9_000 }, (_, index) => index)
  const condition = parseCondition('items.filter(i, i >= 1.0).exists(i, i == 8999)')
  expect(decide(condition, { items }, { msLeft: 10_000 })).toBe(true)
})

test('sums of lists are what they are elsewhere', () => {
  const condition = parseCondition('a + b + (a + c) + a == all && size(a + b + c) == size(a) + size(b) + size(c)')
  const list = fc.array(fc.integer(), { maxLength: 12 })
  fc.assert(
    fc.property(list, list, list, (a, b, c) => {
      expect(decide(condition, { a, b, c, all: [...a, ...b, ...a, ...c, ...a] })).toBe(true)
    }),
  )
})

test('contains finds what the engine finds, also in long texts', () => {
  const condition = parseCondition('text.contains(part)')
  const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 20 })
  const padding = 'ab'.repeat(5_000)
  fc.assert(
    fc.property(text, text, text, (left, right, part) => {
      const given = { text: padding + left + padding + right, part: `${padding}${part}` }
      expect(decide(condition, given, { msLeft: 10_000 })).toBe(given.text.includes(given.part))
    }),
    { numRuns: 30 },
  )
})

test('any JSON equals itself, whatever its keys', () => {
  const condition = parseCondition('a == b && [a] == [b] && {"k": a} == {"k": b}')
  fc.assert(
    fc.property(fc.jsonValue(), (json) => {
      expect(decide(condition, { a: json, b: structuredClone(json) })).toBe(true)
    }),
  )
})

test('any text is a condition or a ConditionError', () => {
  const words = [
    'a',
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    '"',
    "'",
    '\\',
    ' ',
    '.',
    ',',
    ':',
    '?',
    '!',
    '-',
    '&&',
    ' in ',
    '1',
  ]
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...words), maxLength: 60 }), (text) => {
      try {
        decide(parseCondition(text), {})
      } catch (error) {
        expect(error).toBeInstanceOf(ConditionError)
      }
    }),
  )
})
