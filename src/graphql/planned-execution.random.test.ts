import fc from 'fast-check'
import { GraphQLError, parse } from 'graphql'
import { describe, test } from 'vitest'
import { type Behaviour, expectSame, give, Items, type Source, sourceOf } from '../../test/harness/both-executions.ts'
import { InvalidInputError } from '../errors.ts'

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

  test('it is the same, errors and their order included', async () => {
    await fc.assert(
      fc.asyncProperty(anything, async ({ operation, selections, fragment, root, variableValues }) => {
        const fields = ['thing', 'mustThing', 'askedThing']
        const document = parse(
          `${operation} ($c: Boolean!, $d: Boolean!, $t: String, $n: Int = 4) {
            ${selections.map((below, index) => `${fields[index]} ${below}`).join(' ')} } fragment F on Thing ${fragment}`,
        )
        await expectSame({ document, rootValue: root, variableValues })
      }),
      { numRuns: 300 },
    )
  })
})
