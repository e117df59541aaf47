import { type ExecutionResult, getOperationAST, graphql, parse, printType } from 'graphql'
import { describe, expect, test } from 'vitest'
import { pageOf, readPage } from '../page.ts'
import './scalars.ts'
import { builder } from './builder.ts'
import { type Connection, connectionOf, forwardPageArgs, forwardPageArgsOf, pageArgs } from './connection.ts'
import { measureQuery } from './query-cost.ts'
import { withWideInts } from './wide-int.ts'

interface Thing {
  id: string
}

let made: string[] = []
const all = Array.from({ length: 5 }, (_, index): Thing => ({ id: `t${index}` }))

function connection(items: Thing[]): Connection<Thing> {
  return {
    items,
    hasNextPage: true,
    hasPreviousPage: false,
    cursorOf({ id }) {
      made.push(`cursor of ${id}`)
      return `after ${id}`
    },
    async countAll() {
      made.push('count')
      return 3_000_000_000
    },
  }
}

const wide = { pageSize: 100, maxPageSize: 1_000 }
const ThingRef = builder.objectRef<Thing>('Thing').implement({
  description: 'A thing.',
  fields: (t) => ({ id: t.exposeID('id', { description: 'Its id.' }) }),
})
const ThingConnectionRef = connectionOf(ThingRef, { many: 'things' })
builder.queryFields((t) => ({
  things: t.field({ type: ThingConnectionRef, args: { ...pageArgs }, resolve: () => connection(all) }),
  none: t.field({ type: ThingConnectionRef, args: { ...forwardPageArgs }, resolve: () => connection([]) }),
  wide: t.field({
    type: ThingConnectionRef,
    args: { ...forwardPageArgsOf(wide) },
    extensions: wide,
    resolve: (_, page) => ({
      ...connection([]),
      ...pageOf(all, readPage(page, wide.pageSize)),
    }),
  }),
}))
builder.mutationField('nothing', (t) => t.boolean({ resolve: () => true }))
builder.subscriptionField('never', (t) => t.boolean({ subscribe: async function* () {}, resolve: () => true }))
const schema = withWideInts(builder.toSchema())

async function ask(source: string): Promise<ExecutionResult['data']> {
  made = []
  const { data, errors } = await graphql({ schema, source, contextValue: {} })
  if (errors) throw errors[0]
  return data
}

function cost(text: string): number {
  const document = parse(text)
  const operation = getOperationAST(document)
  return operation ? measureQuery(schema, document, operation, {}).complexity : Number.NaN
}

test('has the types that the contract says', () => {
  const printed = ['ThingConnection', 'ThingEdge', 'PageInfo', 'Query'].map((name) => {
    const type = schema.getType(name)
    return (
      type &&
      printType(type)
        .replaceAll(/"""[^"]*"""/g, '')
        .trim()
        .split(/\s+/)
        .join(' ')
    )
  })
  expect(printed).toEqual([
    'type ThingConnection { edges: [ThingEdge!]! nodes: [Thing!]! pageInfo: PageInfo! totalCount: Int! }',
    'type ThingEdge { cursor: String! node: Thing! }',
    'type PageInfo { endCursor: String hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String }',
    'type Query { none( after: String first: Int ): ThingConnection! ' +
      'things( after: String before: String first: Int last: Int ): ThingConnection! ' +
      'wide( after: String first: Int ): ThingConnection! }',
  ])
})

describe('a connection', () => {
  test('gives its page as edges and as nodes', async () => {
    expect(
      await ask('{ wide(first: 2) { nodes { id } edges { cursor node { id } } pageInfo { hasNextPage } } }'),
    ).toEqual({
      wide: {
        nodes: [{ id: 't0' }, { id: 't1' }],
        edges: [
          { cursor: 'after t0', node: { id: 't0' } },
          { cursor: 'after t1', node: { id: 't1' } },
        ],
        pageInfo: { hasNextPage: true },
      },
    })
  })

  test.each<[fields: string, made: string[]]>([
    ['nodes { id } edges { node { id } } pageInfo { hasNextPage hasPreviousPage }', []],
    ['pageInfo { startCursor endCursor }', ['cursor of t0', 'cursor of t4']],
    ['totalCount', ['count']],
  ])('makes no more than is asked for: %s', async (fields, expected) => {
    await ask(`{ things { ${fields} } }`)
    expect(made).toEqual(expected)
  })

  test('counts beyond 32 bits', async () => {
    expect(await ask('{ things { totalCount } }')).toEqual({ things: { totalCount: 3_000_000_000 } })
  })

  test('has no cursors where it is empty', async () => {
    const pageInfo = { startCursor: null, endCursor: null }
    expect(await ask('{ none { nodes { id } pageInfo { startCursor endCursor } } }')).toEqual({
      none: { nodes: [], pageInfo },
    })
    expect(made).toEqual([])
  })

  test('counts its page once', () => {
    expect(cost('{ things(first: 5) { nodes { id } } }')).toBe(1 + 5 * (1 + 1))
    expect(cost('{ things(last: 5) { edges { cursor node { id } } } }')).toBe(1 + 5 * (1 + 1 + 1 + 1))
    expect(cost('{ things { nodes { id } } }')).toBe(1 + 20 * 2)
    expect(cost('{ wide { nodes { id } } }')).toBe(1 + 100 * 2)
  })
})
