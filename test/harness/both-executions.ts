import { setImmediate } from 'node:timers/promises'
import {
  assertObjectType,
  assertScalarType,
  buildSchema,
  type ExecutionResult,
  execute,
  GraphQLError,
  type GraphQLResolveInfo,
  type parse,
  responsePathAsArray,
} from 'graphql'
import { afterAll, beforeAll, expect } from 'vitest'
import { createPlannedExecutor } from '../../src/graphql/planned-execution.plugin.ts'

/** Executes an operation by graphql-js and by plan, and sees whether anybody can tell one from the other. */
export const schema = buildSchema(`
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
export interface Behaviour {
  does: 'give' | 'throw' | 'resolve' | 'reject' | 'call'
  value: unknown
  turns: number
}

export type Source = Record<string, unknown>

/** Fields that have a resolver find their behaviour in `asked`; for the others it is a property, or a method. */
export function sourceOf(fields: Record<string, Behaviour>): Source {
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
export class Items {
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
export async function expectSame(asked: Asked, of = schema): Promise<ExecutionResult> {
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

export const give = (value: unknown): Behaviour => ({ does: 'give', value, turns: 0 })
