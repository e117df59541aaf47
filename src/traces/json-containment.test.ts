import { expect, test } from 'vitest'
import { containsJson } from './json-containment.ts'

// What PostgreSQL's manual shows of `@>`; trace-filter.repository.test.ts compares the two at random.
test.each([
  ['"foo"', '"foo"', true],
  ['[1, 2, 3]', '[1, 3]', true],
  ['[1, 2, 3]', '[3, 1]', true],
  ['[1, 2, 3]', '[1, 2, 2]', true],
  ['[1, 2, [1, 3]]', '[1, 3]', false],
  ['[1, 2, [1, 3]]', '[[1, 3]]', true],
  ['{"foo": {"bar": "baz"}}', '{"bar": "baz"}', false],
  ['{"foo": {"bar": "baz", "more": 1}}', '{"foo": {"bar": "baz"}}', true],
  ['{"foo": {"bar": "baz"}}', '{"foo": {}}', true],
  ['["foo", "bar"]', '"bar"', true],
  ['"bar"', '["bar"]', false],
  ['{"tags": ["foo", "bar"]}', '{"tags": "bar"}', false],
  ['{"n": 1.0}', '{"n": 1}', true],
  ['{"n": "1"}', '{"n": 1}', false],
  ['{"n": null}', '{"n": null}', true],
  ['{}', '{"n": null}', false],
  ['{"a": 1}', '{"__proto__": {}}', false],
  ['{"__proto__": {"a": 1}}', '{"__proto__": {"a": 1}}', true],
  ['[]', '{}', false],
  ['null', '{}', false],
])('%s holds %s: %s', (value, wanted, isHeld) => {
  expect(containsJson(JSON.parse(value), JSON.parse(wanted))).toBe(isHeld)
})
