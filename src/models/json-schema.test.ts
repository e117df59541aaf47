import { describe, expect, test } from 'vitest'
import { schemaMismatch } from './json-schema.ts'

const tree = {
  $ref: '#/$defs/node',
  $defs: {
    node: {
      type: 'object',
      properties: { name: { type: 'string' }, children: { type: 'array', items: { $ref: '#/$defs/node' } } },
      required: ['name'],
      additionalProperties: false,
    },
  },
}

describe('what does not meet its schema is named with its place', () => {
  test.each<[unknown, unknown, string]>([
    [{ type: 'string' }, 1, 'it must be string'],
    [{ type: ['string', 'null'] }, 1, 'it must be string or null'],
    [{ type: 'integer' }, 1.5, 'it must be integer'],
    [{ type: 'object' }, [], 'it must be object'],
    [{ enum: ['a', { b: 1 }] }, { b: 2 }, 'it is none of the values of its enum'],
    [{ const: 1 }, 2, 'it is not the value of its const'],
    [{ properties: { a: { items: { type: 'number' } } } }, { a: [1, 'x'] }, 'a[1] must be number'],
    [{ required: ['a'] }, {}, 'it lacks the property "a"'],
    [{ properties: { a: {} }, additionalProperties: false }, { a: 1, b: 1 }, 'b must not be there'],
    [{ minLength: 2 }, '😀', 'it must have at least 2 characters'],
    [{ pattern: '^a+$' }, 'ab', 'it does not match its pattern'],
    [{ exclusiveMinimum: 1 }, 1, 'it must be greater than 1'],
    [{ multipleOf: 0.1 }, 0.35, 'it must be a multiple of 0.1'],
    [{ minItems: 2 }, [1], 'it must have at least 2 items'],
    [{ uniqueItems: true }, [{ a: 1 }, { a: 1 }], 'it must not have the same item twice'],
    [{ anyOf: [{ type: 'string' }, { type: 'null' }] }, 1, 'it meets none of anyOf'],
    [{ oneOf: [{ minimum: 1 }, { maximum: 3 }] }, 2, 'it meets 2 of oneOf, which must be exactly one'],
    [{ not: { type: 'string' } }, 'a', 'it meets what it must not'],
    [{ if: { type: 'number' }, else: { minLength: 2 } }, 'a', 'it must have at least 2 characters'],
    [
      tree,
      { name: 'a', children: [{ name: 'b', children: [{}] }] },
      'children[0].children[0] lacks the property "name"',
    ],
    [false, 1, 'it must not be there'],
  ])('%j with %j', (schema, value, problem) => {
    expect(schemaMismatch(schema, value)).toBe(problem)
  })
})

test.each<[unknown, unknown]>([
  [true, 1],
  [{}, null],
  [{ type: 'integer' }, 1.0],
  [{ multipleOf: 0.1 }, 0.3],
  [{ type: 'STRING', nullable: true }, null],
  [{ prefixItems: [{ type: 'string' }], items: { type: 'number' } }, ['a', 1, 2]],
  [{ patternProperties: { '^x': { type: 'number' } }, additionalProperties: false }, { xa: 1 }],
  [{ properties: { toString: { type: 'number' } } }, {}],
  [{ pattern: '(' }, 'what can not be read holds no one back'],
  [{ $ref: 'https://example.com/schema' }, 1],
  [tree, { name: 'a', children: [{ name: 'b' }] }],
])('%j is met by %j', (schema, value) => {
  expect(schemaMismatch(schema, value)).toBeNull()
})

test('a pattern that would run for ever is stopped', () => {
  expect(schemaMismatch({ pattern: '^(a+)+$' }, `${'a'.repeat(40)}b`)).toContain('takes longer')
})

test('a schema that refers to itself is stopped', () => {
  expect(schemaMismatch({ $ref: '#' }, 1)).toContain('too deeply')
})
