import fc from 'fast-check'
import {
  type GraphQLFieldConfigArgumentMap,
  GraphQLInputObjectType,
  GraphQLObjectType,
  GraphQLScalarType,
  GraphQLSchema,
  graphqlSync,
} from 'graphql'
import { describe, expect, test } from 'vitest'
import { RawJson, stringify } from '../raw-json.ts'
import { parseDateTime, parseDecimalInput } from './scalars.ts'
import { schema } from './schema.ts'

function scalar(name: string): GraphQLScalarType {
  const type = schema.getType(name)
  if (!(type instanceof GraphQLScalarType)) throw new Error(`${name} is no scalar`)
  return type
}

/** A field for each scalar, which gives back what it was given as `value`, also within an input object. */
const echo = new GraphQLSchema({
  query: new GraphQLObjectType({
    name: 'Query',
    fields: Object.fromEntries(
      ['DateTime', 'Decimal', 'JSON'].map((name) => {
        const type = scalar(name)
        const input = new GraphQLInputObjectType({ name: `${name}Input`, fields: { value: { type } } })
        const args: GraphQLFieldConfigArgumentMap = { value: { type }, in: { type: input } }
        return [name, { type, args, resolve: (_, given) => given.in?.value ?? given.value }]
      }),
    ),
  }),
})

function ask(source: string, variableValues: Record<string, unknown> = {}) {
  return graphqlSync({ schema: echo, source, variableValues })
}

/** Deeper than `JSON.stringify` can follow. */
const pit = JSON.parse(`${'['.repeat(10_000)}${']'.repeat(10_000)}`)

/** Everything that comes back, as it would be sent. */
function sent(source: string, variables: Record<string, unknown> = {}): unknown {
  const { data, errors } = ask(source, variables)
  if (errors) throw errors[0]
  return JSON.parse(stringify(Object.values(data ?? {})[0]))
}

describe('DateTime', () => {
  test.each([
    ['2026-11-21T09:30:00.000Z', '2026-11-21T09:30:00.000Z'],
    ['2026-11-21T09:30Z', '2026-11-21T09:30:00.000Z'],
    ['2026-11-21T09:30:00+02:00', '2026-11-21T07:30:00.000Z'],
    ['2026-11-21T09:30:00.123456789-00:30', '2026-11-21T10:00:00.123Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
  ])('takes %s', (given, moment) => {
    expect(parseDateTime(given).toISOString()).toBe(moment)
  })

  test.each([
    ['no offset', '2026-11-21T09:30:00'],
    ['no time', '2026-11-21'],
    ['words', 'yesterday'],
    ['a month too many', '2026-13-01T00:00:00Z'],
    ['a day too many', '2026-02-30T00:00:00Z'],
    ['29 February of a common year', '2026-02-29T00:00:00Z'],
    ['hour 25', '2026-01-01T25:00:00Z'],
    ['a number', 1_700_000_000],
    ['null', null],
    ['undefined', undefined],
    ['a list', ['2026-11-21T09:30:00.000Z']],
    ['space around it', ' 2026-11-21T09:30:00.000Z '],
    ['a megabyte', '2'.repeat(1_000_000)],
  ])('refuses %s in a short sentence', (_, given) => {
    const parse = () => parseDateTime(given)
    expect(parse).toThrow(/^DateTime expects ISO 8601/)
    expect(parse).toThrow(/^.{1,300}$/)
  })

  test('gives back every moment that it was given', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
        (date) => {
          expect(parseDateTime(date.toISOString())).toEqual(date)
        },
      ),
    )
  })
})

describe('Decimal', () => {
  test.each([
    ['"0.0045"', '0.0045'],
    ['"-1.50"', '-1.5'],
    ['0.1', '0.1'],
    ['1e-7', '0.0000001'],
    ['7', '7'],
    ['0.1000000000000000055', null],
    ['123456789012345678901234567890.123456789012345678', '123456789012345678901234567890.123456789012345678'],
  ])('takes the literal %s exactly', (literal, decimal) => {
    if (decimal === null) expect(() => sent(`{ Decimal(value: ${literal}) }`)).toThrow(/^Decimal expects/)
    else expect(sent(`{ Decimal(value: ${literal}) }`)).toBe(decimal)
  })

  test.each([
    ['0.0045', '0.0045'],
    ['1E+3', '1000'],
    [123 * 2.5e-6, '0.0003075'],
    [12, '12'],
    [-0, '0'],
  ])('takes the variable %s', (value, decimal) => {
    expect(sent('query ($value: Decimal) { Decimal(value: $value) }', { value })).toBe(decimal)
    expect(sent('query ($in: DecimalInput) { Decimal(in: $in) }', { in: { value } })).toBe(decimal)
  })

  test.each([['1,5'], ['$1'], [''], ['NaN'], [true], [null], [{}], [['1']], [Number.NaN], ['1'.repeat(1_000_000)]])(
    'refuses %s in a short sentence',
    (given) => {
      const parse = () => parseDecimalInput(given)
      expect(parse).toThrow(/^Decimal expects a decimal as a string or number/)
      expect(parse).toThrow(/^.{1,300}$/)
    },
  )

  test.each(['true', '{a: 1}', '[1]', 'ONE', '"one"'])('refuses the literal %s', (literal) => {
    const { errors } = ask(`{ Decimal(value: ${literal}) }`)
    expect(errors?.[0]?.message).toMatch(/^Decimal expects/)
  })

  test('says where a variable is wrong', () => {
    const { errors } = ask('query ($in: DecimalInput) { Decimal(in: $in) }', { in: { value: 'much' } })
    expect(errors?.[0]?.message).toMatch(/^Variable "\$in" got invalid value "much" at "in.value"; .*Decimal expects/)
  })
})

test.each(['DateTime', 'Decimal'])('%s refuses what no stack is deep enough for, and says so', (name) => {
  const { errors } = ask(`query ($value: ${name}) { ${name}(value: $value) }`, { value: pit })
  expect(errors?.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^Variable "\$value" .* got a list of 1\.$/),
  ])
})

describe('JSON', () => {
  const anyJson = fc.jsonValue({ maxDepth: 5 })

  test('gives back every variable as it came', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        // -0 is written as 0.
        const written = JSON.parse(JSON.stringify(value))
        expect(sent('query ($value: JSON) { JSON(value: $value) }', { value })).toEqual(written)
        expect(sent('query ($in: JSONInput) { JSON(in: $in) }', { in: { value } })).toEqual(written)
      }),
    )
  })

  test.each<[literal: string, value: unknown]>([
    ['"a"', 'a'],
    ['"""a "b" c"""', 'a "b" c'],
    ['-12', -12],
    ['1.5e3', 1_500],
    ['true', true],
    ['null', null],
    ['[]', []],
    ['[1, [true, null], {a: "b"}]', [1, [true, null], { a: 'b' }]],
    ['{a: {b: {c: [1.5]}}}', { a: { b: { c: [1.5] } } }],
  ])('takes the literal %s', (literal, value) => {
    expect(sent(`{ JSON(value: ${literal}) }`)).toEqual(value)
    expect(sent(`{ JSON(in: {value: ${literal}}) }`)).toEqual(value)
  })

  test('takes variables within literals; those that are not given are left out', () => {
    const source = `query ($a: JSON, $n: Boolean = true, $none: String) {
      JSON(value: {a: $a, in: [{n: $n, none: $none}, $none, $a], none: $none})
    }`
    const a = { b: [1] }
    expect(sent(source, { a })).toEqual({ a, in: [{ n: true }, null, a] })
    expect(sent(source, { a: null, none: null })).toEqual({
      a: null,
      in: [{ n: true, none: null }, null, null],
      none: null,
    })
  })

  test.each(['RED', '{a: RED}', '[[RED]]'])('refuses the enum value in %s', (literal) => {
    const { errors } = ask(`{ JSON(value: ${literal}) }`)
    expect(errors?.map(({ message }) => message)).toEqual(['JSON expects strings in quotes; got RED.'])
  })

  test('refuses numbers that JSON has not', () => {
    const { errors } = ask('{ JSON(value: [1e400]) }')
    expect(errors?.map(({ message }) => message)).toEqual(['JSON expects numbers that fit 64 bits; got 1e400.'])
  })

  test('takes `__proto__` and the like for keys, and nobody inherits from them', () => {
    const keys = '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}}}'
    const literal = '{__proto__: {isAdmin: true}, constructor: {prototype: {isAdmin: true}}}'
    const asVariable = ask('query ($value: JSON) { JSON(value: $value) }', { value: JSON.parse(keys) })
    for (const { data } of [ask(`{ JSON(value: ${literal}) }`), asVariable]) {
      const given = data?.JSON as Record<string, unknown>
      expect(JSON.stringify(given)).toBe(keys)
      expect(Object.getPrototypeOf(given)).toBe(Object.prototype)
      expect(given.isAdmin).toBeUndefined()
    }
    expect(({} as Record<string, unknown>).isAdmin).toBeUndefined()
  })

  test('takes what no stack is deep enough for', () => {
    const { data } = ask('query ($value: JSON) { JSON(value: $value) }', { value: pit })
    expect(data?.JSON === pit).toBe(true)
  })

  test('lets a RawJson through untouched', () => {
    const raw = new RawJson('[1]')
    expect(scalar('JSON').serialize(raw)).toBe(raw)
  })
})
