import { getIntrospectionQuery } from 'graphql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { headersOf } from './harness/graphql-client.ts'
import { subscribeOverSse, subscribeOverWebSocket } from './harness/live-client.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'
import { until } from './harness/until.ts'

let app: TestApp

beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.close())

/** Each fragment spreads the next one twice: 2^n of the last, in n lines. */
function doubling(on: string, count: number, leaf: string): string {
  const spreads = (index: number) => (index === count ? leaf : `...F${index} ...F${index}`)
  return Array.from({ length: count }, (_, index) => `fragment F${index} on ${on} { ${spreads(index + 1)} }`).join('\n')
}

describe('a document', () => {
  const aliased = (count: number) => Array.from({ length: count }, (_, index) => `a${index}: __typename`).join(' ')
  const limits: [what: string, limit: string, max: number, within: string, beyond: string][] = [
    [
      'deeper than the limit',
      'TRACEMEND_MAX_QUERY_DEPTH',
      4,
      '{ viewer { tenant { usage { month } } } }',
      '{ ...A } fragment A on Query { __schema { types { fields { type { name } } } } }',
    ],
    ['with too many aliases', 'TRACEMEND_MAX_QUERY_ALIASES', 5, `{ ${aliased(5)} }`, `{ ${aliased(6)} }`],
    [
      'with too many aliases in the introspection',
      'TRACEMEND_MAX_QUERY_ALIASES',
      2,
      '{ __schema { a: types { b: name } } }',
      '{ __schema { a: types { b: name } c: types { name } } }',
    ],
    [
      'with too many tokens',
      'TRACEMEND_MAX_QUERY_TOKENS',
      20,
      '{ viewer { scopes } } # comments, commas,,, and space    are none',
      `{ ${'__typename '.repeat(19)} }`,
    ],
    [
      'that is too complex, as lists multiply',
      'TRACEMEND_MAX_QUERY_COMPLEXITY',
      31,
      '{ apiKeys { id name scopes } }',
      '{ apiKeys { id name scopes createdAt } }',
    ],
  ]

  test.each(limits)(
    '%s is refused with QUERY_TOO_COMPLEX, over every transport',
    async (_, limit, max, within, beyond) => {
      const names = {
        DEPTH: 'queryDepth',
        ALIASES: 'queryAliases',
        TOKENS: 'queryTokens',
        COMPLEXITY: 'queryComplexity',
      }
      const setting = names[limit.replace('TRACEMEND_MAX_QUERY_', '') as keyof typeof names]
      const narrow = await startTestApp({ backend: app.backend, limits: { [setting]: max } })
      await narrow.client().ask(within)
      const answer = await narrow.client().send(beyond)
      const extensions = { code: 'QUERY_TOO_COMPLEX', limit, max }
      expect(answer.status).toBe(400)
      expect(answer.data).toBeUndefined()
      expect(answer.errors?.map((error) => error.extensions)).toEqual([extensions])
      expect(answer.errors?.[0]?.message).toContain(String(max))
      for (const subscribe of [subscribeOverWebSocket, subscribeOverSse]) {
        const live = subscribe({ url: narrow.url, key: app.backend.operatorKey }, beyond)
        await until(() => live.ended)
        expect(live.results.map(({ errors }) => errors?.[0]?.extensions)).toEqual([extensions])
        await live.close()
      }
      await narrow.close()
    },
  )

  test.each([
    ['selections', (depth: number) => `{ ${'... on Query { '.repeat(depth)} __typename ${'}'.repeat(depth)} }`],
    ['lists', (depth: number) => `{ __typename @skip(if: ${'['.repeat(depth)}${']'.repeat(depth)}) }`],
  ])('with %s as deep as they may be is no bug, and deeper ones are refused', async (what, nest) => {
    const deep = await app.client().send(nest(498))
    if (what === 'selections') expect(deep.data).toEqual({ __typename: 'Query' })
    else expect(deep.errors?.map((error) => error.extensions.code)).toEqual(['INVALID_INPUT'])
    const { extensions } = await app.client().refusal(nest(1_000))
    expect(extensions).toMatchObject({ code: 'QUERY_TOO_COMPLEX', limit: 'nesting', max: 500 })
  })

  test('with fragments that go in a circle is INVALID_INPUT', async () => {
    const { extensions } = await app
      .client()
      .refusal('{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }')
    expect(extensions.code).toBe('INVALID_INPUT')
  })

  test.each([
    ['of the API', '{ ...F0 }', 'Query', 'viewer { scopes }'],
    ['of the introspection', '{ __schema { ...F0 } }', '__Schema', 'description'],
  ])('with 100 fragments that double each other (%s) is refused, not expanded', async (_, operation, on, leaf) => {
    const { extensions } = await app.client().refusal(`${operation} ${doubling(on, 100, leaf)}`)
    expect(extensions).toEqual({ code: 'QUERY_TOO_COMPLEX', limit: 'TRACEMEND_MAX_QUERY_COMPLEXITY', max: 50_000 })
  })

  test('that repeats itself beyond what can be validated says which limit that is', async () => {
    const { extensions } = await app.client().refusal(`{ ${'viewer { scopes } '.repeat(900)} }`)
    expect(extensions).toMatchObject({ code: 'QUERY_TOO_COMPLEX', limit: 'validation' })
  })

  test('with thousands of errors is answered with a hundred of them', async () => {
    const { errors } = await app.client().send(`{ ${Array.from({ length: 3_900 }, (_, i) => `nope${i}`).join(' ')} }`)
    expect(errors?.length).toBeGreaterThan(0)
    expect(errors?.length).toBeLessThanOrEqual(101)
    // The last one may say that the validator gave up.
    const codes = new Set(errors?.map(({ extensions }) => extensions.code))
    codes.delete('QUERY_TOO_COMPLEX')
    expect([...codes]).toEqual(['INVALID_INPUT'])
    const wide = await startTestApp({ backend: app.backend, limits: { queryTokens: 100_000 } })
    const answer = await wide.client().send(`{ ${'nope '.repeat(10_000)} }`)
    expect(answer.status).toBe(400)
    expect(answer.errors?.length).toBeLessThanOrEqual(101)
    await wide.close()
  })
})

describe('the introspection', () => {
  test.each([
    ['with a key', () => app.backend.operatorKey],
    ['without a key', () => null],
  ])('is allowed %s', async (_, key) => {
    const query = getIntrospectionQuery({ specifiedByUrl: true, inputValueDeprecation: true, oneOf: true })
    const { __schema } = await app.client(key()).ask<{ __schema: { types: { name: string }[] } }, never>(query)
    expect(__schema.types.map(({ name }) => name)).toContain('Viewer')
  })

  test('is refused where it goes round in itself', async () => {
    const { extensions } = await app
      .client()
      .refusal('{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }')
    expect(extensions.code).toBe('INVALID_INPUT')
  })
})

describe('GET', () => {
  function get(params: Record<string, string>, headers: Record<string, string> = headersOf(app.backend.operatorKey)) {
    return fetch(`${app.url}/graphql?${new URLSearchParams(params)}`, { headers })
  }

  test('asks queries', async () => {
    const query = 'query A { __typename } query Viewer($with: Boolean!) { viewer @include(if: $with) { scopes } }'
    const answer = await get({ query, operationName: 'Viewer', variables: '{"with":true}' })
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ data: { viewer: { scopes: expect.arrayContaining(['READ']) } } })
  })

  test('changes nothing', async () => {
    const answer = await get({ query: 'mutation { createApiKey(input: {name: "x", scopes: [READ]}) { secret } }' })
    expect(answer.status).toBe(405)
    expect(await answer.json()).toMatchObject({ errors: [{ extensions: { code: 'INVALID_INPUT' } }] })
    const { apiKeys } = await app.client().ask<{ apiKeys: unknown[] }, never>('{ apiKeys { id } }')
    expect(apiKeys).toHaveLength(1)
  })

  test.each([
    ['without a query', {}],
    ['with variables that are no JSON', { query: '{ __typename }', variables: 'nope' }],
    ['with variables that are a list', { query: '{ __typename }', variables: '[]' }],
  ])('%s is INVALID_INPUT', async (_, params) => {
    const answer = await get(params as Record<string, string>)
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ errors: [{ extensions: { code: 'INVALID_INPUT' } }] })
  })

  test.each(['PUT', 'DELETE', 'PATCH'])('%s is none: 405, coded', async (method) => {
    const answer = await fetch(`${app.url}/graphql`, { method, headers: headersOf(app.backend.operatorKey) })
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe('GET, POST')
    expect(await answer.json()).toMatchObject({ errors: [{ extensions: { code: 'INVALID_INPUT' } }] })
  })

  test('with an answer that the client would not take is refused, coded', async () => {
    const answer = await get({ query: '{ __typename }' }, { ...headersOf(null), accept: 'image/png' })
    expect(answer.status).toBe(406)
    expect(await answer.json()).toMatchObject({ errors: [{ extensions: { code: 'INVALID_INPUT', field: 'accept' } }] })
  })
})
