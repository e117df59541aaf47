import {
  buildSchema,
  GraphQLInt,
  getIntrospectionQuery,
  graphqlSync,
  isObjectType,
  lexicographicSortSchema,
  printSchema,
  validateSchema,
} from 'graphql'
import { describe, expect, test } from 'vitest'
import { schema as product } from './schema.ts'
import { withWideInts } from './wide-int.ts'

const sdl = `
  type Query { sum(n: Int, in: In): Int! sums: [[Int!]] many: [Many!] }
  type Many { sum: Int }
  input In { n: Int! = 3 }
`
const wide = withWideInts(buildSchema(sdl))
const strict = buildSchema(sdl)

function ask(source: string, rootValue: unknown, schema = wide, variableValues: Record<string, unknown> = {}) {
  return graphqlSync({ schema, source, rootValue, variableValues })
}

describe('a number that goes out', () => {
  test.each([3_000_000_000, -3_000_000_000, Number.MAX_SAFE_INTEGER, 2_147_483_647, 0])('%d is itself', (sum) => {
    const rootValue = { sum, sums: [[sum]], many: [{ sum }] }
    expect(ask('{ sum sums many { sum } }', rootValue)).toEqual({ data: rootValue })
  })

  test.each([
    1.5,
    2 ** 53,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    'text',
    '',
    '12',
    '3000000000',
    true,
    { valueOf: () => 5 },
    [1],
  ])('%s is what it was: taken or refused', (sum) => {
    expect(ask('{ sum }', { sum })).toEqual(ask('{ sum }', { sum }, strict))
  })
})

test('a number that comes in is GraphQL`s own', () => {
  const echo = { sum: ({ n, in: given }: { n?: number; in?: { n: number } }) => n ?? given?.n }
  const source = 'query ($n: Int, $in: In) { sum(n: $n, in: $in) }'
  for (const variables of [
    { n: 2_147_483_647 },
    { n: 2_147_483_648 },
    { n: 1.5 },
    { n: '1' },
    { in: { n: 2 ** 40 } },
  ]) {
    expect(ask(source, echo, wide, variables)).toEqual(ask(source, echo, strict, variables))
  }
  for (const literal of ['1', '2147483648', '1.0', '"1"', 'null']) {
    expect(ask(`{ sum(n: ${literal}) }`, echo)).toEqual(ask(`{ sum(n: ${literal}) }`, echo, strict))
  }
})

test('nobody who reads the schema can tell', () => {
  expect(validateSchema(wide)).toEqual([])
  expect(printSchema(wide)).toBe(printSchema(strict))
  expect(printSchema(lexicographicSortSchema(wide))).toBe(printSchema(lexicographicSortSchema(strict)))
  const introspection = getIntrospectionQuery({ specifiedByUrl: true, inputValueDeprecation: true, oneOf: true })
  expect(ask(introspection, {})).toEqual(ask(introspection, {}, strict))
  const merged = '{ a: sum a: sum many { sum } ... on Query { many { sum } } }'
  expect(ask(merged, { sum: 1, many: [{ sum: 2 }] })).toEqual({ data: { a: 1, many: [{ sum: 2 }] } })
})

test('no field of the product gives out a narrow one', () => {
  const types = Object.values(product.getTypeMap()).filter((type) => isObjectType(type))
  const narrow = types.flatMap((type) => {
    if (type.name.startsWith('__')) return []
    return Object.values(type.getFields()).filter(({ type }) =>
      'ofType' in type ? type.ofType === GraphQLInt : type === GraphQLInt,
    )
  })
  expect(narrow).toEqual([])
})
