import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import {
  assertObjectType,
  assertScalarType,
  buildSchema,
  type ExecutionResult,
  execute,
  GraphQLError,
  type GraphQLResolveInfo,
  getIntrospectionQuery,
  parse,
  responsePathAsArray,
  validate,
} from 'graphql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { InvalidInputError } from '../errors.ts'
import { createPlannedExecutor } from './planned-execution.plugin.ts'
import { schema as product } from './schema.ts'

const schema = buildSchema(`
  scalar Upper
  enum Kind { ONE TWO }
  input In { text: String = "left out" kinds: [Kind!] upper: Upper in: In }
  type Thing {
    id: ID! name: String must: String! number: Int kind: Kind upper: Upper
    names: [String] mustNames: [String!]! matrix: [[Int!]]!
    echo(text: String = "said nothing", number: Int! = 3, upper: Upper, kinds: [Kind!], in: In): String
    thing: Thing mustThing: Thing! things: [Thing] mustThings: [Thing!]!
    asked: String mustAsked: String! askedThing: Thing askedThings: [Thing!]
  }
  type Query { thing: Thing mustThing: Thing! things: [Thing!]! askedThing: Thing! }
  type Mutation { thing: Thing mustThing: Thing! askedThing: Thing name: String must: String! }
`)

/** What a field does when it is asked. A promise takes so many turns of the queue. */
interface Behaviour {
  does: 'give' | 'throw' | 'resolve' | 'reject' | 'call'
  value: unknown
  turns: number
}

type Source = Record<string, unknown>

/** Fields that have a resolver find their behaviour in `asked`; for the others it is a property, or a method. */
function sourceOf(fields: Record<string, Behaviour>): Source {
  const properties = Object.entries(fields).map(([name, behaviour]) => {
    const isPlain = behaviour.does === 'give' && (!(behaviour.value instanceof Items) || behaviour.value.isPlain)
    return [name, isPlain ? behave(behaviour) : () => behave(behaviour)]
  })
  return { ...Object.fromEntries(properties), asked: fields }
}

async function wait(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await null
}

function behave({ does, value, turns }: Behaviour): unknown {
  if (does === 'throw') throw value
  if (does === 'reject') return wait(turns).then(() => Promise.reject(value))
  const given = value instanceof Items ? value.give() : value
  return does === 'resolve' ? wait(turns).then(() => given) : given
}

/** A list, of which each item does something by itself. */
class Items {
  readonly behaviours: Behaviour[]
  constructor(behaviours: Behaviour[]) {
    this.behaviours = behaviours
  }
  get isPlain(): boolean {
    return this.behaviours.every(({ does, value }) => does === 'give' && !(value instanceof Items))
  }
  give(): unknown[] {
    return this.behaviours.map((each) => (each.does === 'throw' ? each.value : behave(each)))
  }
}

/** Which resolvers were called, in which order, with what. */
let calls: unknown[] = []

function resolve(source: Source, args: object, context: unknown, info: GraphQLResolveInfo): unknown {
  const { path, parentType, returnType, fieldNodes, rootValue, variableValues } = info
  calls.push([responsePathAsArray(path), path.typename, parentType.name, String(returnType), fieldNodes, args, context])
  calls.push([rootValue, variableValues, info.operation, Object.keys(info.fragments)])
  if (info.fieldName === 'echo') return JSON.stringify(args)
  const behaviour = (source.asked as Record<string, Behaviour>)[info.fieldName]
  return behaviour && behave(behaviour)
}

for (const [type, names] of Object.entries({
  Thing: ['echo', 'asked', 'mustAsked', 'askedThing', 'askedThings'],
  Query: ['askedThing'],
  Mutation: ['thing', 'mustThing', 'askedThing', 'name', 'must'],
})) {
  const fields = assertObjectType(schema.getType(type)).getFields()
  for (const name of names) Object.assign(fields[name] ?? {}, { resolve })
}
const upper = assertScalarType(schema.getType('Upper'))
upper.serialize = (value) => {
  if (typeof value !== 'string') throw new GraphQLError('Upper is a text.', { extensions: { code: 'UPPER' } })
  return value.toUpperCase()
}
upper.parseValue = upper.serialize
upper.parseLiteral = (node) => upper.serialize('value' in node ? node.value : null)

interface Asked {
  document: ReturnType<typeof parse>
  rootValue?: unknown
  variableValues?: Record<string, unknown>
  operationName?: string
}

async function outcomeOf(run: () => unknown) {
  calls = []
  const result = (await run()) as ExecutionResult
  // What nobody waits for any more goes on all the same.
  await setImmediate()
  const errors = result.errors?.map((error) => [facts(error), error.originalError, facts(error.originalError)])
  return { text: JSON.stringify(result), data: result.data, errors, calls }
}

/** Of which errors consist; compared they are by their message alone. */
function facts(error: unknown) {
  const { message, path, locations, nodes, extensions } = (error ?? {}) as GraphQLError
  return { message, path, locations, nodes, extensions }
}

/** graphql-js forgets failures in lists; a plan may not: each would end the process. */
const forgotten: unknown[] = []
const listeners = process.listeners('unhandledRejection')
beforeAll(() => {
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', (failure) => forgotten.push(failure))
})
afterAll(() => {
  process.removeAllListeners('unhandledRejection')
  for (const listener of listeners) process.on('unhandledRejection', listener)
})

/** By plan it is executed twice: while the plan is made, and when it is there. */
async function expectSame(asked: Asked, of = schema): Promise<ExecutionResult> {
  const { executeByPlan } = createPlannedExecutor()
  const args = { schema: of, contextValue: { context: true }, ...asked }
  const expected = await outcomeOf(() => execute(args))
  forgotten.length = 0
  for (const _ of ['made', 'there']) {
    const outcome = await outcomeOf(() => {
      const planned = executeByPlan(args)
      if (planned === null) throw new Error('this is not executed by plan')
      return planned
    })
    expect(outcome).toEqual(expected)
  }
  expect(forgotten).toEqual([])
  return JSON.parse(expected.text)
}

const give = (value: unknown): Behaviour => ({ does: 'give', value, turns: 0 })
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

const errors = fc.constantFrom(new InvalidInputError('a', 'No.'), new TypeError('b'), new GraphQLError('c'), 'text')
const turns = fc.nat(4)

function doing(value: fc.Arbitrary<unknown>, does: Behaviour['does'][]): fc.Arbitrary<Behaviour> {
  return fc.record({ does: fc.constantFrom(...does), value, turns })
}

function anyhow(value: fc.Arbitrary<unknown>): fc.Arbitrary<Behaviour> {
  return fc.oneof(
    { weight: 6, arbitrary: doing(value, ['give', 'resolve', 'call']) },
    { weight: 1, arbitrary: doing(fc.oneof(fc.constant(null), errors), ['give', 'resolve']) },
    { weight: 1, arbitrary: doing(errors, ['throw', 'reject']) },
  )
}

const text = anyhow(fc.constantFrom('a', 'b', 7))
const texts = anyhow(fc.array(text, { maxLength: 3 }).map((all) => new Items(all)))
const { things } = fc.letrec<{ things: Source; below: Behaviour; list: Behaviour }>((tie) => ({
  below: fc.oneof({ depthSize: 'small' }, fc.constant(give(null)), anyhow(tie('things'))),
  list: anyhow(fc.array(tie('below'), { maxLength: 3 }).map((all) => new Items(all))),
  things: fc
    .record({
      ...{ id: text, name: text, must: text, number: text, kind: anyhow(fc.constantFrom('ONE', 'SIX')), upper: text },
      ...{ names: texts, mustNames: texts, asked: text, mustAsked: text },
      ...{ thing: tie('below'), mustThing: tie('below'), askedThing: tie('below') },
      ...{ things: tie('list'), mustThings: tie('list'), askedThings: tie('list') },
    })
    .map(sourceOf),
}))

const leafNames = ['id', 'name', 'must', 'number', 'kind', 'upper', 'names', 'mustNames', 'asked', 'mustAsked', 'echo']
const echoes = ['echo', 'echo1: echo(text: $t)', 'echo2: echo(number: $n)', 'echo3: echo(in: {text: $t, upper: "a"})']
const condition = fc.constantFrom('', '', '', '@include(if: $c)', '@skip(if: $d)')
const { selections } = fc.letrec<{ selections: string; selection: string; object: string }>((tie) => ({
  selections: fc.array(tie('selection'), { minLength: 1, maxLength: 4 }).map((all) => `{ ${all.join(' ')} }`),
  object: fc
    .tuple(fc.constantFrom('thing', 'mustThing', 'askedThing', 'things', 'mustThings', 'askedThings'), condition)
    .chain(([name, when]) => tie('selections').map((below) => `${name} ${when} ${below}`)),
  selection: fc.oneof(
    { depthSize: 'small' },
    fc.tuple(fc.constantFrom(...leafNames, ...echoes, 'a: id', 'b: must'), condition).map((parts) => parts.join(' ')),
    tie('object'),
    fc.tuple(condition, tie('selections')).map(([when, below]) => `... on Thing ${when} ${below}`),
    condition.map((when) => `...F ${when}`),
  ),
}))

describe('whatever is asked, and whatever becomes of it', () => {
  const anything = fc.record({
    operation: fc.constantFrom('query', 'mutation'),
    selections: fc.array(selections, { minLength: 1, maxLength: 3 }),
    fragment: selections.map((below) => below.replaceAll('...F', 'id')),
    root: things,
    variableValues: fc.record(
      { c: fc.boolean(), d: fc.boolean(), t: fc.constantFrom('x', null), n: fc.constant(1) },
      {
        requiredKeys: ['c', 'd'],
      },
    ),
  })

  test('it is the same, errors and their order included', { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(anything, async ({ operation, selections, fragment, root, variableValues }) => {
        const fields = ['thing', 'mustThing', 'askedThing']
        const document = parse(
          `${operation} ($c: Boolean!, $d: Boolean!, $t: String, $n: Int = 4) {
            ${selections.map((below, index) => `${fields[index]} ${below}`).join(' ')} } fragment F on Thing ${fragment}`,
        )
        await expectSame({ document, rootValue: root, variableValues })
      }),
      { numRuns: Number(process.env.RUNS ?? 300) },
    )
  })
})
