import fc from 'fast-check'
import {
  assertObjectType,
  buildSchema,
  type GraphQLFieldExtensions,
  getIntrospectionQuery,
  getOperationAST,
  parse,
} from 'graphql'
import { describe, expect, test } from 'vitest'
import { measureQuery, type QueryCost } from './query-cost.ts'

const schema = buildSchema(`
  interface Node { id: ID! children: [Node!]! }
  type Item implements Node {
    id: ID! children: [Node!]! name: String tags: [String!]! items(first: Int, last: Int): Page! branches: [Item!]!
  }
  type Page { nodes: [Item!]! total: Int }
  type Query { item: Item node: Node items(first: Int): [Item!]! search(first: Int): [Item!]! all: [[Item]] }
`)

function extend(type: string, field: string, extensions: GraphQLFieldExtensions<unknown, unknown>): void {
  const extended = assertObjectType(schema.getType(type)).getFields()[field]
  if (extended) extended.extensions = extensions
}
extend('Query', 'search', { pageSize: 3, maxPageSize: 5 })
extend('Item', 'branches', { listSize: 1 })

function cost(text: string, variables: Record<string, unknown> = {}): QueryCost {
  const document = parse(text)
  const operation = getOperationAST(document)
  if (!operation) throw new Error('no operation')
  return measureQuery(schema, document, operation, variables)
}

describe('what a document costs', () => {
  test.each<[text: string, complexity: number, depth: number]>([
    ['{ __typename }', 1, 1],
    ['{ item { id name } }', 3, 2],
    ['{ item { tags } }', 2, 2],
    ['{ items(first: 7) { id name } }', 15, 2],
    ['{ items { id } }', 21, 2],
    ['{ search { id } }', 4, 2],
    ['{ all { id } }', 11, 2],
    ['{ items(first: 0) { id } }', 1, 2],
    ['{ items(first: -5) { id } }', 1, 2],
    ['{ items(first: null) { id } }', 21, 2],
    ['{ item { items(first: 2, last: 9) { total } } }', 11, 3],
    ['{ items(first: 2) { items(first: 3) { nodes { id } } } }', 1 + 2 * (1 + 3 * (1 + 10)), 4],
    ['{ node { children { id } } }', 12, 3],
    ['{ node { ... on Item { items(first: 4) { total } } } }', 6, 3],
    ['{ item { ... { id } ... @include(if: true) { name } } }', 3, 2],
    ['{ item { ...A ...A } } fragment A on Item { id name }', 5, 2],
    ['{ item { branches { id branches { id branches { id } } } } }', 7, 5],
    ['{ items(first: 7) { branches { id } } }', 15, 3],
  ])('%s', (text, complexity, depth) => {
    expect(cost(text)).toMatchObject({ complexity, depth })
  })

  test('counts pages by variables, their defaults, and what they may be', () => {
    const text = 'query ($first: Int = 30) { items(first: $first) { id } }'
    expect(cost(text).complexity).toBe(31)
    expect(cost(text, { first: 4 }).complexity).toBe(5)
    expect(cost(text, { first: 'wrong' }).complexity).toBe(21)
    expect(cost(text, { first: 1e308 }).page).toMatchObject({ size: 1e308, field: 'items' })
  })

  test('names the page that goes farthest beyond what is allowed where it stands', () => {
    const { page } = cost('{ items(first: 7) { id } b: search(first: 9) { id } }')
    expect(page).toEqual({ size: 7, field: 'items', max: undefined })
    expect(cost('{ b: search(first: 9) { id } }').page).toEqual({ size: 9, field: 'b', max: 5 })
  })

  test('counts aliases wherever they are, as often as they are spread', () => {
    expect(cost('{ a: item { b: id } ...A ...A } fragment A on Query { c: __typename }').aliases).toBe(4)
    expect(cost('{ __schema { a: types { b: name } } }').aliases).toBe(2)
  })

  test('is little for the introspection, however deep it is', () => {
    expect(cost(getIntrospectionQuery()).complexity).toBeLessThan(500)
    expect(cost(getIntrospectionQuery()).depth).toBeLessThan(30)
  })

  test('is known at once for fragments that double each other, and does not hang on a circle', () => {
    const spreads = (index: number) => (index === 300 ? 'id' : `...F${index} ...F${index}`)
    const fragments = Array.from({ length: 300 }, (_, index) => `fragment F${index} on Item { ${spreads(index + 1)} }`)
    expect(cost(`{ item { ...F0 } } ${fragments.join(' ')}`).complexity).toBe(2 ** 299 + 1)
    expect(cost('{ ...A } fragment A on Query { ...A item { id } }').complexity).toBe(2)
  })
})

/** A selection on an Item, as text and with its nested ones. */
interface Selection {
  name: 'id' | 'items'
  first: number
  below: Selection[]
}

const { selections } = fc.letrec<{ selections: Selection[]; selection: Selection }>((tie) => ({
  selections: fc.array(tie('selection'), { minLength: 1, maxLength: 3, depthIdentifier: 'nesting' }),
  selection: fc.oneof(
    { depthSize: 'small', withCrossShrink: true, depthIdentifier: 'nesting' },
    fc.constant<Selection>({ name: 'id', first: 0, below: [] }),
    fc.record({ name: fc.constant('items' as const), first: fc.nat(20), below: tie('selections') }),
  ),
}))

function print(all: Selection[], around: (inner: string) => string = (inner) => inner): string {
  const texts = all.map(({ name, first, below }) =>
    name === 'id' ? 'id' : `items(first: ${first}) { nodes { ${print(below, around)} } }`,
  )
  return around(texts.join(' '))
}

describe('properties', () => {
  const isNotBelow = (more: QueryCost, less: QueryCost) => {
    expect(more.complexity).toBeGreaterThanOrEqual(less.complexity)
    expect(more.depth).toBeGreaterThanOrEqual(less.depth)
    expect(more.aliases).toBeGreaterThanOrEqual(less.aliases)
    expect(more.page.size).toBeGreaterThanOrEqual(less.page.size)
  }

  test('nothing becomes cheaper by asking for more', () => {
    fc.assert(
      fc.property(selections, selections, (some, added) => {
        const less = cost(`{ item { ${print(some)} } }`)
        isNotBelow(cost(`{ item { ${print([...some, ...added])} } }`), less)
        isNotBelow(cost(`{ item { ${print(some)} } x: item { ${print(added)} } }`), less)
        isNotBelow(cost(`{ item { items(first: 1) { nodes { ${print(some)} } } } }`), less)
      }),
    )
  })

  test('a fragment costs what stands in it', () => {
    fc.assert(
      fc.property(selections, (all) => {
        const fragments: string[] = []
        const spread = print(all, (inner) => {
          fragments.push(`fragment F${fragments.length} on Item { ${inner} }`)
          return `...F${fragments.length - 1}`
        })
        const plain = cost(`{ item { ${print(all)} } }`)
        expect(cost(`{ item { ${spread} } } ${fragments.join(' ')}`)).toEqual(plain)
        expect(cost(`{ item { ${print(all, (inner) => `... on Item { ${inner} }`)} } }`)).toEqual(plain)
      }),
    )
  })
})
