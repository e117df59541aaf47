import { readFile } from 'node:fs/promises'
import { buildSchema } from 'graphql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId, randomText } from '../src/ids.ts'
import { type ForeignAnswer, foreignIdExamples } from './foreign-ids.examples.ts'
import { listIdArguments } from './harness/id-arguments.ts'
import { makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'

/** Another tenant's objects are absent: whoever names one is told what anybody is told who names nothing at all. */
describe("another tenant's ids", () => {
  let app: TestApp
  let owner: TestTenant
  let stranger: TestTenant

  beforeAll(async () => {
    app = await startTestApp()
    owner = await makeTenant(app)
    stranger = await makeTenant(app)
  })
  afterAll(() => app.close())

  test('there is an example for every place of schema.graphql that takes an id, and for no other', async () => {
    const schema = buildSchema(await readFile(new URL('../schema.graphql', import.meta.url), 'utf8'))
    const found = listIdArguments(schema)
    expect(found).not.toEqual([])
    expect(differences(found, Object.keys(foreignIdExamples))).toEqual([])
  })

  test.each(Object.entries(foreignIdExamples))('%s', async (_, { make, call, gets }) => {
    const { id, look } = await make(owner)
    const before = await look()
    expect(before, 'the owner sees the object').toBeTruthy()
    const unknown = unknownLike(id)
    const foreign = await call(stranger.client, id)
    const nobodys = await call(stranger.client, unknown)
    expect(answerOf(foreign, id)).toEqual(answerOf(nobodys, unknown))
    expect(whatItGot(foreign), JSON.stringify(foreign)).toBe(gets)
    expect(await look()).toEqual(before)
  })

  test('the owner is not refused what strangers are', async () => {
    for (const { make, call, isOwnersAlone } of Object.values(foreignIdExamples)) {
      if (isOwnersAlone) continue
      const { id } = await make(owner)
      expect((await call(owner.client, id)).errors).toBeUndefined()
    }
  })
})

describe('the walk over the schema', () => {
  const schema = buildSchema(`
    type Query { thing(id: ID!): Thing, things(filter: Filter): [Thing!]!, plain(name: String): Thing }
    type Mutation { store(input: Store!): Int, remove(ids: [ID!]!): Int }
    type Subscription { events(thingId: ID): Node }
    interface Node { next(from: ID): Node }
    type Thing implements Node { next(from: ID): Node, part(key: String, partId: ID): Part, id: ID! }
    type Part { id: ID! }
    type Unreached { thing(id: ID): Thing }
    input Filter { and: [Filter!], not: Filter, ids: [ID!], name: String }
    input Store { name: String, deep: Deep! }
    input Deep { parents: [Parent!] }
    input Parent { id: ID }
  `)
  const all = [
    'Mutation.remove(ids:)',
    'Mutation.store(input:).deep.parents.id',
    'Node.next(from:)',
    'Query.thing(id:)',
    'Query.things(filter:).ids',
    'Subscription.events(thingId:)',
    'Thing.next(from:)',
    'Thing.part(partId:)',
  ]

  test('finds every argument that is an id, holds one deeply, or lists them', () => {
    expect(listIdArguments(schema)).toEqual(all)
  })

  test('tells of an operation without an example where to add it, and of an example without an operation', () => {
    expect(differences(all, all)).toEqual([])
    expect(differences(all, [...all.slice(1), 'Query.gone(id:)'])).toEqual([
      'Mutation.remove(ids:) takes an id and has no example: add one to test/foreign-ids.examples.ts',
      'Query.gone(id:) is in test/foreign-ids.examples.ts and not in schema.graphql: remove it there',
    ])
  })
})

function differences(found: readonly string[], examples: readonly string[]): string[] {
  const missing = found.filter((coordinate) => !examples.includes(coordinate))
  const gone = examples.filter((coordinate) => !found.includes(coordinate))
  return [
    ...missing.map((each) => `${each} takes an id and has no example: add one to test/foreign-ids.examples.ts`),
    ...gone.map((each) => `${each} is in test/foreign-ids.examples.ts and not in schema.graphql: remove it there`),
  ]
}

/** An id of the same form, so that nothing but its owner tells the two apart. */
function unknownLike(id: string): string {
  const prefix = /^([a-z]+)_/.exec(id)?.[1]
  return prefix ? newId(prefix) : randomText(80)
}

/** What there is to compare: data, codes, words and details, with the id that was asked for taken out. */
function answerOf({ data, errors }: ForeignAnswer, id: string): unknown {
  return JSON.parse(JSON.stringify({ data, errors }).replaceAll(id, '<id>'))
}

function whatItGot({ data, errors }: ForeignAnswer): string {
  if (errors) return errors.map(({ extensions }) => extensions.code).join()
  return Object.values(data ?? {}).every(isNothing) ? 'nothing' : 'its own'
}

function isNothing(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0
  if (typeof value !== 'object' || value === null) return value === null
  const { nodes, edges } = value as { nodes?: unknown; edges?: unknown }
  return [nodes, edges].some(Array.isArray) && [nodes, edges].every((list) => list === undefined || isNothing(list))
}
