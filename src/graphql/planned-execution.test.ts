import { assertObjectType, GraphQLError, getIntrospectionQuery, parse, validate } from 'graphql'
import { describe, expect, test } from 'vitest'
import { type Behaviour, expectSame, give, schema, sourceOf } from '../../test/harness/both-executions.ts'
import { InvalidInputError } from '../errors.ts'
import { schema as product } from './schema.ts'

const leaves = {
  id: give('t1'),
  name: give('a'),
  must: give('b'),
  number: give(7),
  kind: give('ONE'),
  upper: give('c'),
}
const lists = { names: give(['a', null]), mustNames: give(new Set(['b'])), matrix: give([[1, 2], null]) }
const inner = sourceOf({ ...leaves, ...lists, asked: give('d'), mustAsked: give('e') })
const thing = sourceOf({ ...leaves, ...lists, thing: give(inner), mustThing: give(inner), askedThing: give(inner) })
const rootValue = sourceOf({
  thing: give(thing),
  mustThing: give(inner),
  things: give([thing, inner]),
  name: give('r'),
})

describe('an operation by plan is what graphql-js makes of it', () => {
  test.each<[what: string, text: string, variables?: Record<string, unknown>]>([
    ['leaves', '{ thing { __typename id name must number kind upper names mustNames matrix } }'],
    ['below and beside each other', '{ thing { thing { id } mustThing { name } askedThing { id asked mustAsked } } }'],
    ['lists', '{ things { id names } }'],
    ['aliases, and fields that meet', '{ a: thing { id } a: thing { name b: id } c: thing { id } }'],
    [
      'fragments',
      '{ ...A things { ...B } } fragment A on Query { thing { ...B ... { kind } } } fragment B on Thing { id }',
    ],
    [
      'fragments that repeat',
      '{ thing { ...A thing { ...A } ...A } } fragment A on Thing { id ... on Thing { name } }',
    ],
    ['names that objects inherit', '{ thing { constructor: id toString: name hasOwnProperty: must } }'],
    [
      'literal arguments',
      '{ thing { echo(text: "a", number: 4, upper: "x", kinds: [ONE, TWO], in: {in: {upper: "y"}}) } }',
    ],
    ['defaults', '{ thing { echo echo2: echo(in: {}) } }'],
    [
      'variables',
      'query ($a: String, $b: [Kind!] = [TWO], $c: In) { thing { echo(text: $a, kinds: $b, in: $c) } }',
      { c: {} },
    ],
    [
      'variables left out',
      'query ($a: String, $u: Upper) { thing { echo(text: $a, in: {text: $a, in: {upper: $u}}) } }',
    ],
    ['variables that are null', 'query ($a: String) { thing { echo(text: $a, in: {text: $a}) } }', { a: null }],
    ['a null that may not be', 'query ($n: Int) { thing { id echo(number: $n) } }', { n: null }],
    ['a variable with a default', 'query ($n: Int = 5) { thing { echo(number: $n) } }'],
    [
      'what is skipped',
      '{ thing { id @skip(if: true) name @include(if: false) must @include(if: true) kind @skip(if: false) } }',
    ],
    [
      'a condition that is null',
      'query ($c: Boolean = true) { thing { id @include(if: $c) } mustThing { id } }',
      { c: null },
    ],
    ['a condition at the root that is null', 'query ($c: Boolean = true) { thing @skip(if: $c) { id } }', { c: null }],
    ['mutations', 'mutation { thing { id } name mustThing { echo asked } askedThing { id } }'],
    ['a mutation that fails for good', 'mutation { thing { id } must name }'],
    ['nothing where something must be', '{ thing { id mustThing { mustThing { id } } } }'],
    ['no value at the root', '{ askedThing { id } }'],
    ['the introspection', getIntrospectionQuery({ specifiedByUrl: true, inputValueDeprecation: true })],
    ['a type', '{ __typename __type(name: "Thing") { name fields { name args { defaultValue } } } }'],
  ])('%s', async (_, text, variableValues = {}) => {
    const document = parse(text)
    expect(validate(schema, document)).toEqual([])
    await expectSame({ document, rootValue, variableValues })
    await expectSame({ document: parse(text, { noLocation: true }), rootValue, variableValues })
  })

  const refusal = new InvalidInputError('name', 'No.')
  const failures: [what: string, behaviour: Behaviour][] = [
    ['a refusal thrown', { does: 'throw', value: refusal, turns: 0 }],
    ['a refusal later', { does: 'reject', value: refusal, turns: 3 }],
    ['an error given', give(refusal)],
    ['an error given later', { does: 'resolve', value: new TypeError('b'), turns: 1 }],
    ['a GraphQLError', { does: 'throw', value: new GraphQLError('c', { extensions: { code: 'X' } }), turns: 0 }],
    ['one that knows its path', { does: 'throw', value: new GraphQLError('d', { path: ['else', 'where'] }), turns: 0 }],
    ['no error at all', { does: 'throw', value: 'text', turns: 0 }],
    ['nothing', { does: 'reject', value: undefined, turns: 0 }],
    ['another type', give({ valueOf: 1 })],
    ['null', give(null)],
  ]
  test.each(failures)('a failure (%s)', async (_, behaviour) => {
    const fields = Object.keys(assertObjectType(schema.getType('Thing')).getFields())
    for (const field of fields) {
      const failing = sourceOf({ ...leaves, thing: give(inner), [field]: behaviour })
      const root = sourceOf({ thing: give(failing), things: give([failing, inner]), mustThing: give(failing) })
      const selection = /hing/.test(field) ? '{ id }' : ''
      for (const place of ['thing', 'things', 'thing { id } mustThing']) {
        const document = parse(`{ ${place} { id ${field} ${selection} name } }`)
        await expectSame({ document, rootValue: root })
      }
    }
  })

  test('failures below what is null already are not told, however late they come', async () => {
    const later = sourceOf({ ...leaves, asked: { does: 'reject', value: refusal, turns: 5 } })
    const failing = sourceOf({ ...leaves, mustThings: give([later, null]), things: give([later, refusal]) })
    const root = sourceOf({ thing: give(failing), mustThing: give(failing) })
    for (const selection of ['mustThings { asked }', 'things { asked must }', 'mustThing { id } things { asked }']) {
      await expectSame({ document: parse(`{ thing { ${selection} } mustThing { ${selection} } }`), rootValue: root })
    }
    const { errors } = await expectSame({ document: parse('{ thing { mustThings { asked } } }'), rootValue: root })
    expect(errors).toHaveLength(1)
  })

  test('in the product', async () => {
    const apiKey = { id: 'k1', name: 'a', scopes: ['READ'], expiresAt: null, createdAt: new Date(0) }
    const tenant = {
      id: 'tn_1',
      slug: 'a',
      name: 'A',
      monthlySpanLimit: 5,
      retentionDays: null,
      createdAt: new Date(NaN),
    }
    const services = { viewer: { getViewer: async () => ({ tenant, apiKey }) } }
    const loaders = { usageByTenantId: { load: async () => ({ month: '2026-11', traces: 3_000_000_000, spans: 2 }) } }
    const document = parse(`{ viewer { scopes apiKey { id prefix scopes expiresAt createdAt revokedAt }
      tenant { id createdAt usage { month traces spans spanLimit spansLeft } } } }`)
    const args = { document, contextValue: { services, loaders } }
    expect((await expectSame(args, product)).errors?.map(({ message }) => message)).toEqual(['Invalid time value'])
    tenant.createdAt = new Date(0)
    expect((await expectSame(args, product)).data).toMatchObject({ viewer: { tenant: { usage: { spansLeft: 3 } } } })
  })
})
