import fc from 'fast-check'
import { expect, test } from 'vitest'
import { diffValues, type ValueDiff } from './value-diff.ts'

const search = { name: 'search', description: 'Looks things up' }
const fetch = { type: 'function', function: { name: 'fetch', strict: true } }

test.each<[unknown, unknown, ValueDiff[]]>([
  [null, undefined, []],
  [null, 0, [{ path: 'it', change: 'ADDED', before: null, after: 0 }]],
  [[], null, [{ path: 'it', change: 'REMOVED', before: [], after: null }]],
  [{ a: 1, b: 2 }, { b: 2, a: 1 }, []],
  [{}, { a: null }, [{ path: 'it.a', change: 'ADDED', before: null, after: null }]],
  [{ a: null }, {}, [{ path: 'it.a', change: 'REMOVED', before: null, after: null }]],
  [{ a: null }, { a: false }, [{ path: 'it.a', change: 'CHANGED', before: null, after: false }]],
  [{ a: [] }, { a: {} }, [{ path: 'it.a', change: 'CHANGED', before: [], after: {} }]],
  [{ a: 1 }, { a: '1' }, [{ path: 'it.a', change: 'CHANGED', before: 1, after: '1' }]],
  [0, -0, []],
  [{ 'a.b': { '': 1 } }, { 'a.b': { '': 2 } }, [{ path: 'it["a.b"][""]', change: 'CHANGED', before: 1, after: 2 }]],
  [
    { b: 1, a: [1, { 'x-y': 1 }] },
    { b: 2, a: [1, { 'x-y': 2 }, 3] },
    [
      { path: 'it.a[1].x-y', change: 'CHANGED', before: 1, after: 2 },
      { path: 'it.a[2]', change: 'ADDED', before: null, after: 3 },
      { path: 'it.b', change: 'CHANGED', before: 1, after: 2 },
    ],
  ],
  [
    [search, fetch],
    [{ ...search, description: 'Finds' }, fetch],
    [{ path: 'it.search.description', change: 'CHANGED', before: 'Looks things up', after: 'Finds' }],
  ],
  [[search], [fetch, search], [{ path: 'it.fetch', change: 'ADDED', before: null, after: fetch }]],
  [[], [search], [{ path: 'it.search', change: 'ADDED', before: null, after: search }]],
  [
    [search, fetch, { id: 'x' }],
    [fetch, search],
    [
      { path: 'it.x', change: 'REMOVED', before: { id: 'x' }, after: null },
      { path: 'it', change: 'MOVED', before: ['search', 'fetch', 'x'], after: ['fetch', 'search'] },
    ],
  ],
  [
    [search, search],
    [search, { ...search, description: '' }],
    [{ path: 'it[1].description', change: 'CHANGED', before: 'Looks things up', after: '' }],
  ],
  [[{ name: '' }], [{ name: 'a' }], [{ path: 'it[0].name', change: 'CHANGED', before: '', after: 'a' }]],
])('%j to %j', (before, after, diffs) => {
  expect(diffValues(before, after, 'it')).toEqual(diffs)
})

test('a key that every object inherits is a key like any other', () => {
  const [before, after] = ['{"__proto__":{"a":1},"toString":1}', '{"__proto__":{"a":2}}'].map((json) =>
    JSON.parse(json),
  )
  expect(diffValues(before, after, 'it').map(({ path, change }) => [path, change])).toEqual([
    ['it.__proto__.a', 'CHANGED'],
    ['it.toString', 'REMOVED'],
  ])
})

test('500 levels are gone down', () => {
  const nested = (leaf: unknown) => Array.from({ length: 500 }).reduce<unknown>((inner) => ({ a: [inner] }), leaf)
  expect(diffValues(nested(1), nested(2), 'it')).toEqual([
    { path: `it${'.a[0]'.repeat(500)}`, change: 'CHANGED', before: 1, after: 2 },
  ])
})

const named = (value: fc.Arbitrary<unknown>) =>
  fc
    .uniqueArray(fc.constantFrom('a', 'b', 'c', 'd.e', '0'), { maxLength: 5 })
    .chain((names) =>
      fc.tuple(...names.map((name) => fc.record({ name: fc.constant(name), value }, { noNullPrototype: true }))),
    )
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, 0, 1, '', 'a', 'b'),
    fc.dictionary(fc.constantFrom('a', 'b', 'name', 'a.b', '[0]', '__proto__'), tie('json'), {
      maxKeys: 4,
      noNullPrototype: true,
    }),
    fc.array(tie('json'), { maxLength: 4 }),
    named(tie('json')),
  ),
}))

test('the entries make the one value out of the other', () => {
  fc.assert(
    fc.property(json, json, (before, after) => {
      const made = diffValues(before, after, 'it').reduce(apply, { it: before })
      expect(canonical(made.it ?? null)).toBe(canonical(settled(before, after)))
    }),
    { numRuns: 1_000 },
  )
})

test('a value differs from itself in nothing, nor from one with its keys in another order', () => {
  fc.assert(
    fc.property(json, (value) => {
      expect(diffValues(value, JSON.parse(canonical(value)), 'it')).toEqual([])
    }),
  )
})

type Members = Record<string, unknown>

function apply(root: Members, { path, change, before, after }: ValueDiff): Members {
  const keys = [...path.matchAll(/(?:^|\.)([\w-]+)|\[("(?:[^"\\]|\\.)*"|\d+)\]/g)].map(([, plain, bracketed]) =>
    plain === undefined ? JSON.parse(bracketed as string) : plain,
  )
  return changeAt(root, keys, (held) => {
    if (change !== 'MOVED') {
      expect(canonical(held ?? null)).toBe(canonical(before))
      return change === 'REMOVED' ? undefined : after
    }
    const items = held as unknown[]
    expect(items.map(nameOf).sort()).toEqual([...(after as string[])].sort())
    return (after as string[]).map((name) => items.find((item) => nameOf(item) === name))
  }) as Members
}

function changeAt(value: unknown, [key, ...rest]: (string | number)[], change: (held: unknown) => unknown): unknown {
  if (key === undefined) return change(value)
  if (Array.isArray(value)) {
    const found = typeof key === 'number' ? key : value.findIndex((item) => nameOf(item) === key)
    const place = found < 0 ? value.length : found
    const changed = changeAt(value[place], rest, change)
    // What goes by places leaves gaps, at the end, so that the places of what goes next still hold.
    return value.toSpliced(place, 1, ...(changed === undefined && typeof key === 'string' ? [] : [changed]))
  }
  const members = new Map(Object.entries(value as Members))
  const changed = changeAt(members.get(key as string), rest, change)
  if (changed === undefined) members.delete(key as string)
  else members.set(key as string, changed)
  return Object.fromEntries(members)
}

/** `after`, with those at the end of a list that were added to it, unless the others were moved. */
function settled(before: unknown, after: unknown): unknown {
  if (Array.isArray(before) && Array.isArray(after)) {
    const [olds, news] = [before.map(nameOf), after.map(nameOf)]
    if ([olds, news].some((names) => names.includes(undefined) || new Set(names).size < names.length)) {
      return after.map((item, place) => settled(before[place], item))
    }
    const items = after.map((item) => settled(before[olds.indexOf(nameOf(item))], item))
    const common = items.filter((item) => olds.includes(nameOf(item)))
    const places = common.map((item) => olds.indexOf(nameOf(item)))
    if (places.some((place, nth) => nth > 0 && place < (places[nth - 1] as number))) return items
    return [...common, ...items.filter((item) => !common.includes(item))]
  }
  if (!isMembers(before) || !isMembers(after)) return after
  return Object.fromEntries(
    Object.entries(after).map(([key, value]) => [
      key,
      Object.hasOwn(before, key) ? settled(before[key], value) : value,
    ]),
  )
}

function nameOf(item: unknown): unknown {
  if (!isMembers(item)) return undefined
  const { name, function: called, id } = item
  return [name, isMembers(called) && called.name, id].find((each) => typeof each === 'string' && each !== '')
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Keys in order, and gaps closed. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, held) => {
    if (Array.isArray(held)) return held.filter((item) => item !== undefined)
    return isMembers(held)
      ? Object.fromEntries(Object.entries(held).sort(([one], [other]) => (one < other ? -1 : 1)))
      : held
  })
}

test('a value that differs in very much, or far below very long keys, is told as a whole', () => {
  const many = (value: number) => Object.fromEntries(Array.from({ length: 2_001 }, (_, index) => [`k${index}`, value]))
  expect(diffValues(many(0), many(1), 'tools')).toEqual([
    { path: 'tools', change: 'CHANGED', before: many(0), after: many(1) },
  ])
  const below = (value: number) => ({ ['k'.repeat(300_000)]: { a: value, b: value } })
  expect(diffValues(below(0), below(1), 'tools')).toHaveLength(1)
  expect(diffValues(below(0), below(1), 'tools')[0]?.path).toBe('tools')
})
