import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withDatabase } from './harness/database.ts'
import { sendRaw } from './harness/raw-http.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'

/** To name a charset is to ask for the same, and in words that are left to Yoga. */
const ways = (accept: string) =>
  [accept, accept.replace(/(application\/[a-z+-]+|\*\/\*)/g, '$1;charset=utf-8')] as const
const accepts = ['*/*', 'application/json', 'application/graphql-response+json', 'application/*']
const lists = [
  'application/graphql-response+json, application/json;q=0.9',
  'application/json, application/graphql-response+json',
  'text/event-stream, application/json',
  'multipart/mixed,application/graphql-response+json , */*',
  'text/html, */*;q=0.8',
  'text/html',
  'text/event-stream',
  '',
]

/** Ids and moments differ from one request to the next. */
const alike = (text: string) => text.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '<id>').replace(/key_\w+/g, '<key>')

describe('what is answered without Yoga’s HTTP is answered as Yoga does', () => {
  let app: TestApp
  let limited: TestApp

  beforeAll(async () => {
    app = await startTestApp({ limits: { bodyBytes: 20_000 } })
    limited = await startTestApp({ backend: app.backend, limits: { operationMs: 1, queryComplexity: 30 } })
  })
  afterAll(async () => {
    await limited.close()
    await app.close()
  })

  interface Asked {
    accept?: string | undefined
    headers?: Record<string, string>
    to?: TestApp
  }

  async function ask(body: unknown, { accept, headers, to = app }: Asked) {
    const answer = await sendRaw({
      url: `${to.url}/graphql`,
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${app.backend.operatorKey}`,
        ...(accept !== undefined && { accept }),
        ...headers,
      },
    })
    const { date: _, 'x-request-id': requestId, 'content-length': length, ...others } = answer.headers
    expect(requestId).toMatch(/^[0-9a-f-]{36}$/)
    if (length !== undefined) expect(Number(length)).toBe(Buffer.byteLength(answer.text))
    const { 'transfer-encoding': __, ...sent } = others
    return { status: answer.status, headers: sent, text: alike(answer.text) }
  }

  async function expectAlike(body: unknown, asked: Asked = {}, among = accepts) {
    for (const accept of among) {
      const [plain, ofYoga] = ways(accept)
      const answers = [await ask(body, { ...asked, accept: plain }), await ask(body, { ...asked, accept: ofYoga })]
      expect(answers[0]).toEqual(answers[1])
    }
  }

  test.each<[what: string, body: unknown]>([
    ['a query', { query: '{ viewer { scopes tenant { slug usage { spans } } } }' }],
    ['variables', { query: 'query ($id: ID!) { trace(id: $id) { id } }', variables: { id: 'nobody' } }],
    ['nulls beside', { query: '{ __typename }', variables: null, operationName: null, extensions: null }],
    ['an operation by its name', { query: 'query A { __typename } query B { b: __typename }', operationName: 'B' }],
    ['a fragment and a directive', { query: '{ ...A } fragment A on Query { __typename @skip(if: false) }' }],
    ['raw JSON', { query: '{ trace(id: "tr1") { id metadata output spans { nodes { id input } } } }' }],
    ['the introspection', { query: '{ __schema { queryType { name fields { name } } } }' }],
    ['a mutation', { query: 'mutation { updateTenant(input: { name: "Straße \\u2028 🙂" }) { name } }' }],
    ['extensions', { query: '{ __typename }', extensions: { some: 'thing' } }],
  ])('a success: %s', async (_, body) => {
    const traces = [{ id: 'tr1', metadata: { a: [1, 'x'] }, output: { deep: true }, spans: [{ id: 's', input: 'in' }] }]
    const given = {
      query: 'mutation ($traces: [TraceInput!]!) { ingestTraces(input: { traces: $traces }) { accepted } }',
    }
    await ask({ ...given, variables: { traces } }, {})
    await expectAlike(body)
  })

  test.each<[what: string, body: unknown]>([
    ['no syntax', { query: '{ viewer' }],
    ['an empty text', { query: '' }],
    ['a comment alone', { query: '# nothing' }],
    ['an unknown field', { query: '{ nope }' }],
    ['several of them', { query: '{ nope nor viewer { that } }' }],
    ['an unknown operation', { query: 'query A { __typename }', operationName: 'B' }],
    ['two operations and no name', { query: 'query A { __typename } query B { __typename }' }],
    ['no operation', { query: 'fragment A on Query { __typename }' }],
    ['a variable left out', { query: 'query ($id: ID!) { trace(id: $id) { id } }' }],
    [
      'a variable of a wrong type',
      { query: 'query ($n: Int) { traces(first: $n) { nodes { id } } }', variables: { n: 'x' } },
    ],
    ['a refusal', { query: 'mutation { revokeApiKey(id: "nobody") { id } }' }],
    ['a refusal beside data', { query: '{ __typename viewer { scopes } traces(first: -1) { nodes { id } } }' }],
    ['beyond the nesting', { query: `${'{ a '.repeat(600)}${'}'.repeat(600)}` }],
    ['beyond the page size', { query: '{ traces(first: 100000) { nodes { id } } }' }],
    ['no query', { variables: {} }],
    ['a number for a query', { query: 5 }],
    ['a list of variables', { query: '{ __typename }', variables: [] }],
    ['a number for a name', { query: '{ __typename }', operationName: 5 }],
    ['a text for extensions', { query: '{ __typename }', extensions: 'x' }],
    ['an unknown parameter', { query: '{ __typename }', nope: 1 }],
    ['a list', [{ query: '{ __typename }' }]],
    ['null', null],
    ['no JSON', '{'],
    ['nothing', ''],
    ['more than a body may have', { query: '{ __typename }', variables: { x: 'x'.repeat(30_000) } }],
  ])('a failure: %s', async (_, body) => {
    await expectAlike(body)
  })

  test.each<[what: string, headers: Record<string, string>]>([
    ['another origin', { origin: 'https://a.example' }],
    ['a wrong key', { authorization: 'Bearer nope' }],
    ['no key', { authorization: '' }],
    ['another type of JSON', { 'content-type': 'application/graphql+json; charset=utf-8' }],
    ['no JSON', { 'content-type': 'text/plain' }],
  ])('with %s', async (_, headers) => {
    await expectAlike({ query: '{ viewer { scopes } }' }, { headers })
    await expectAlike({ query: '{ nope }' }, { headers })
  })

  test('beyond a limit, or too late', async () => {
    await expectAlike({ query: '{ traces(first: 50) { nodes { id name } } }' }, { to: limited })
    await expectAlike({ query: '{ traces { nodes { id } } }' }, { to: limited })
  })

  test('whatever JSON a client would rather have', async () => {
    for (const accept of lists) {
      for (const query of ['{ __typename }', '{ nope }', 'subscription { nope }']) {
        const [plain, ofYoga] = ways(accept)
        const [ours, theirs] = [await ask({ query }, { accept: plain }), await ask({ query }, { accept: ofYoga })]
        expect({ accept, query, ...ours }).toEqual({ accept, query, ...theirs })
      }
    }
    expect(await ask({ query: '{ __typename }' }, {})).toEqual(
      await ask({ query: '{ __typename }' }, { accept: '*/*' }),
    )
  })

  test('a subscription is refused where a stream can’t be had', async () => {
    const noStreams = ['application/json', 'application/graphql-response+json']
    await expectAlike({ query: 'subscription { viewerEvents { scopes } }' }, {}, noStreams)
    await expectAlike({ query: 'subscription { viewer { scopes } }' }, {}, noStreams)
  })

  test('a bug is masked, and logged once', async () => {
    await withDatabase(app.backend.database.url, (client) => client.query('alter table usage rename to misplaced'))
    app.log.lines.length = 0
    await expectAlike({ query: '{ viewer { tenant { usage { spans } } } }' })
    expect(app.log.lines.filter(({ level }) => level >= 50)).toHaveLength(2 * accepts.length)
  })
})
