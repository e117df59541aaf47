import { buildSchema, type ExecutionArgs, execute, parse, subscribe } from 'graphql'
import { isAsyncIterable } from 'graphql-yoga'
import { describe, expect, test } from 'vitest'
import { createOperationPlans } from './operation-plans.ts'
import { createPlannedExecutor } from './planned-execution.plugin.ts'

const schema = buildSchema(`
  interface Node { id: ID! }
  union Any = Item
  type Item implements Node { id: ID! name: String item: Item node: Node any: [Any!] closed: Closed }
  type Closed { id: ID! }
  type Query { item: Item }
  type Subscription { items(count: Int!): Item }
`)
const closed = schema.getType('Closed')
if (closed && 'isTypeOf' in closed) closed.isTypeOf = () => true
const item = { id: '1', name: 'a', item: { id: '2', name: 'b' } }
const rootValue = { item }

function argsOf(text: string, more: Partial<ExecutionArgs> = {}): ExecutionArgs {
  return { schema, document: parse(text), rootValue, ...more }
}

describe('what is left to others', () => {
  const { executeByPlan } = createPlannedExecutor()
  const two = 'query A { item { id } } query B { item { name } }'
  test.each<[what: string, args: ExecutionArgs]>([
    ['an interface', argsOf('{ item { node { id } } }')],
    ['a union', argsOf('{ item { any { __typename } } }')],
    ['a fragment on an interface', argsOf('{ item { ...A } } fragment A on Node { id }')],
    ['a type that wants to be asked', argsOf('{ item { closed { id } } }')],
    ['a key that is none in an object', argsOf('{ item { __proto__: id } }')],
    ['no operation of that name', argsOf(two, { operationName: 'C' })],
    ['no name for one of two operations', argsOf(two)],
    ['no operation', argsOf('fragment A on Item { id }')],
    ['a variable that is wrong', argsOf('query ($a: Boolean!) { item { id @skip(if: $a) } }')],
  ])('%s', (_, args) => {
    expect(executeByPlan(args)).toBeNull()
    expect(executeByPlan(args)).toBeNull()
  })

  test('is no more than that: another operation of the same document is executed', () => {
    const args = argsOf(two)
    expect(executeByPlan(args)).toBeNull()
    expect(executeByPlan({ ...args, operationName: 'A' })).toEqual({ data: { item: { id: '1' } } })
    expect(executeByPlan({ ...args, operationName: 'B' })).toEqual({ data: { item: { name: 'a' } } })
  })
})

test('there is a plan for each outcome of the conditions', () => {
  const { executeByPlan } = createPlannedExecutor()
  const args = argsOf(
    'query ($a: Boolean!, $b: Boolean = true) { item { id @skip(if: $a) ...F } } fragment F on Item { name @include(if: $b) }',
  )
  const outcomes = [{ a: true }, { a: false }, { a: false, b: false }, { a: true, b: false }]
  for (const variableValues of [...outcomes, ...outcomes]) {
    expect(executeByPlan({ ...args, variableValues })).toEqual(execute({ ...args, variableValues }))
  }
})

test('plans that have grown too large are forgotten, and made again', () => {
  const plans = createOperationPlans(10)
  const { executeByPlan } = createPlannedExecutor(plans)
  const small = argsOf('{ item { id name } }')
  const large = argsOf('{ item { id name item { a: id b: id c: id d: id e: id f: id g: id } } }')
  const known = plans.find(small)
  executeByPlan(small)
  expect(plans.find(small)).toBe(known)
  for (let time = 0; time < 3; time++) {
    expect(executeByPlan(large)).toEqual(execute(large))
    expect(executeByPlan(small)).toEqual(execute(small))
  }
  expect(plans.find(small)).not.toBe(known)
})

describe('a subscription', () => {
  const { subscribeByPlan } = createPlannedExecutor()

  async function* countTo({ count }: { count: number }) {
    for (let id = 1; id <= count; id++) yield { items: id === 2 ? new Error('two') : { id, name: `item ${id}` } }
    if (count > 2) throw new Error('the source broke')
  }

  async function take(args: ExecutionArgs, subscribing: typeof subscribeByPlan): Promise<unknown[]> {
    const taken: unknown[] = []
    try {
      const stream = await subscribing(args)
      if (!isAsyncIterable(stream)) return [stream]
      for await (const result of stream) taken.push(JSON.parse(JSON.stringify(result)))
    } catch (error) {
      taken.push(String(error))
    }
    return taken
  }

  test.each([
    ['every event', 'subscription { items(count: 2) { id name } }', {}],
    ['a source that breaks', 'subscription ($count: Int!) { items(count: $count) { id } }', { count: 3 }],
    ['none', 'subscription { items(count: 0) { id } }', {}],
    ['no stream', 'subscription { items(count: 1) { id } }', { items: 5 }],
    ['a refusal', 'subscription { items(count: 1) { id } }', { items: () => Promise.reject(new Error('no')) }],
  ])('is what graphql-js makes of it: %s', async (_, text, given: Record<string, unknown>) => {
    const args = argsOf(text, { variableValues: given, rootValue: { items: given.items ?? countTo } })
    const expected = await take(args, subscribe)
    expect(await take(args, subscribeByPlan)).toEqual(expected)
    expect(await take(args, subscribeByPlan)).toEqual(expected)
  })

  test('ends its source when it is ended', async () => {
    let isEnded = false
    async function* endless() {
      try {
        for (;;) yield { items: item }
      } finally {
        isEnded = true
      }
    }
    const stream = await subscribeByPlan(
      argsOf('subscription { items(count: 1) { id } }', { rootValue: { items: endless } }),
    )
    if (!isAsyncIterable(stream)) throw new Error('no stream')
    for await (const _ of stream) break
    expect(isEnded).toBe(true)
  })
})
