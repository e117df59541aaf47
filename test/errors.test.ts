import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  CreateApiKeyDocument,
  CreateTenantDocument,
  RevokeApiKeyDocument,
  StoreReasoningDocument,
  UpdateTenantDocument,
  ViewerDocument,
  ViewerEventsDocument,
} from './generated/documents.ts'
import { withDatabase } from './harness/database.ts'
import { type Line, startLineTo } from './harness/line.ts'
import { subscribeOverWebSocket, transports } from './harness/live-client.ts'
import { createBackend, startTestApp, type TestApp, type TestBackend } from './harness/test-app.ts'
import { until } from './harness/until.ts'

describe('an expected failure', () => {
  let app: TestApp

  beforeAll(async () => {
    app = await startTestApp()
  })
  afterEach(() => expect(app.log.lines.filter(({ level }) => level >= 50)).toEqual([]))
  afterAll(() => app.close())

  test('has a code, a sentence, its path, and nothing of our insides', async () => {
    const { status, data, errors } = await app.client().send(RevokeApiKeyDocument, { id: 'nobody' })
    expect({ status, data, errors }).toEqual({
      status: 200,
      data: null,
      errors: [
        {
          message: 'No API key "nobody" was found.',
          path: ['revokeApiKey'],
          locations: [expect.any(Object)],
          extensions: { code: 'NOT_FOUND', field: 'id' },
        },
      ],
    })
  })

  const input = { name: 'a', scopes: ['READ'] }
  test.each<[what: string, variables: object, field: string]>([
    ['a number for a text', { input: { ...input, name: 5 } }, 'input.name'],
    ['an unknown enum value', { input: { ...input, scopes: ['READ', 'NOPE'] } }, 'input.scopes[1]'],
    ['an unknown key', { input: { ...input, nope: 1 } }, 'input.nope'],
    ['a key that is nearly known', { input: { ...input, nam: 1 } }, 'input.nam'],
    ['a missing key', { input: { name: 'a' } }, 'input.scopes'],
    ['a key as long as a megabyte', { input: { ...input, ['x'.repeat(1_000_000)]: 1 } }, 'input'],
    ['nothing', {}, 'input'],
    ['a date that is none', { input: { ...input, expiresAt: '2026-02-31' } }, 'input.expiresAt'],
    ['a megabyte', { input: { ...input, scopes: 'x'.repeat(1_000_000) } }, 'input.scopes'],
  ])('of a variable (%s) names the field', async (_, variables, field) => {
    const answer = await app.client().send(CreateApiKeyDocument, variables as never)
    expect(answer.status).toBe(400)
    expect(answer.errors?.map(({ extensions }) => extensions)).toEqual([{ code: 'INVALID_INPUT', field }])
    expect(answer.errors?.[0]?.message.length).toBeLessThan(1_100)
  })

  test('of a variable names what is missing or unknown however deep, and each of them', async () => {
    const given = {
      decision: { type: 'PLAN', at: 'x; Field "y" is not defined by type "Z".' },
      reasoning: { observations: [], conclusion: 'c', 'a"b': 1 },
    }
    const { errors } = await app.client().send(StoreReasoningDocument, { input: given as never })
    expect(errors?.map(({ extensions }) => extensions.field)).toEqual([
      'input.decision.summary',
      'input.decision.at',
      'input.reasoning.a"b',
    ])
    const { errors: more } = await app.client().send(StoreReasoningDocument, { input: { decision: null } as never })
    expect(more?.map(({ extensions }) => extensions.field)).toEqual(['input.decision', 'input.reasoning'])
  })

  const said = 'decision: {type: PLAN, summary: "s"}'
  const why = 'reasoning: {observations: [], conclusion: "c"}'
  const filtered = (filter: string) => `{ traces(filter: ${filter}) { nodes { id } } }`
  test.each<[what: string, document: string, ...fields: (string | undefined)[]]>([
    ['a missing argument', 'mutation { storeReasoning { id } }', 'input'],
    ['an unknown argument', `{ reasoningTrace(id: "a", nope: [1]) { id } }`, 'nope'],
    ['a missing field', `mutation { storeReasoning(input: {${said}}) { id } }`, 'input.reasoning'],
    [
      'a missing field farther down',
      `mutation { storeReasoning(input: {${why} # why {
        decision: {type: PLAN}}) { id } }`,
      'input.decision.summary',
    ],
    ['an unknown field', `mutation { storeReasoning(input: {${said}, ${why}, nope: {a: 1}}) { id } }`, 'input.nope'],
    ['null', `mutation { storeReasoning(input: {${said}, reasoning: null}) { id } }`, 'input.reasoning'],
    [
      'an entry of a list',
      `mutation { storeReasoning(input: {${said}, ${why}, context: {keyFacts: ["a", """b""" # c
        , 3, "d"]}}) { id } }`,
      'input.context.keyFacts[2]',
    ],
    [
      'an entry after variables and objects',
      `mutation ($x: Scope!) { createApiKey(input: {name: "a", scopes: [READ, $x, {a: [1]}, NOPE]}) { secret } }`,
      ...['input.scopes[2]', 'input.scopes[3]'],
    ],
    ['a directive', '{ viewer @include(if: 5) { tenant { id } } }', 'if'],
    ['two at once', filtered('{nope: 1, status: "x"}'), 'filter.nope', 'filter.status'],
    ['a default of a variable', 'query ($id: ID! = {a: 1}) { reasoningTrace(id: $id) { id } }', undefined],
    ['a field that there is not', '{ nope(input: {a: 1}) }', undefined],
    ['no document', '{ nope(', undefined],
  ])('of a document (%s) names the field where there is one', async (_, document, ...fields) => {
    const { status, errors } = await app.client().send(document)
    expect(status).toBe(400)
    const extensions = fields.map((field) => (field === undefined ? {} : { field }))
    expect(errors?.map((error) => error.extensions)).toEqual(
      extensions.map((each) => ({ code: 'INVALID_INPUT', ...each })),
    )
  })

  test.each([
    ['a NUL byte', 'a\0b'],
    ['a lone surrogate', '\ud800'],
    ['a megabyte', 'x'.repeat(1_000_000)],
    ['nothing in it', ''],
    ['SQL', "' or 1=1 --"],
  ])('of an id with %s is NOT_FOUND', async (_, id) => {
    const client = app.client()
    const answers = [
      await client.refusal(RevokeApiKeyDocument, { id }),
      await client.refusal(UpdateTenantDocument, { input: { name: 'a' }, tenantId: id }),
    ]
    for (const { message, extensions } of answers) {
      expect(extensions.code).toBe('NOT_FOUND')
      expect(message.length).toBeLessThan(1_100)
    }
  })

  test.each([
    ['a NUL byte', 'a\0b'],
    ['a megabyte', 'x'.repeat(1_000_000)],
    ['nothing in it', ' '],
  ])('of a name with %s is INVALID_INPUT', async (_, name) => {
    const client = app.client()
    const answers = [
      await client.refusal(CreateApiKeyDocument, { input: { name, scopes: ['READ'] } }),
      await client.refusal(UpdateTenantDocument, { input: { name } }),
      await client.refusal(CreateTenantDocument, { input: { slug: 'ok', name } }),
      await client.refusal(CreateTenantDocument, { input: { slug: name, name: 'ok' } }),
    ]
    const fields = ['input.name', 'input.name', 'input.name', 'input.slug']
    expect(answers.map(({ extensions }) => extensions)).toEqual(
      fields.map((field) => ({ code: 'INVALID_INPUT', field })),
    )
  })

  test('is not what a lone surrogate in a name leads to', async () => {
    const { errors = [] } = await app.client().send(UpdateTenantDocument, { input: { name: 'a\ud800' } })
    for (const { extensions } of errors) expect(extensions.code).toBe('INVALID_INPUT')
  })
})

describe('a bug', () => {
  let app: TestApp

  beforeEach(async () => {
    app = await startTestApp()
  })
  afterEach(() => app.close())

  const breakUsage = () =>
    withDatabase(app.backend.database.url, (client) => client.query('alter table usage rename to misplaced'))

  test('is masked, and logged once with the request id that the client got', async () => {
    await breakUsage()
    const { status, headers, data, errors } = await app.client().send(ViewerDocument)
    expect({ status, data }).toEqual({ status: 500, data: null })
    const requestId = headers.get('x-request-id')
    expect(errors).toHaveLength(1)
    expect(errors?.[0]?.extensions).toEqual({ code: 'INTERNAL', requestId })
    expect(JSON.stringify(errors)).not.toMatch(/usage"?\s+does|relation|prisma|P20|\/src\/|at async/i)
    const logged = app.log.lines.filter(({ level }) => level >= 50)
    expect(logged).toHaveLength(1)
    expect(logged[0]).toMatchObject({ requestId, msg: 'a request met a bug' })
    expect(JSON.stringify(logged[0])).toContain('usage')
  })

  test.each(transports)('in a subscription over $name ends it masked, and is logged once', async ({ subscribe }) => {
    const live = subscribe({ url: app.url, key: app.backend.operatorKey }, ViewerEventsDocument)
    await until(() => live.results.length === 1)
    await breakUsage()
    await app.client().ask('mutation { updateTenant(input: {name: "changed"}) { name } }')
    await until(() => live.ended)
    expect(live.ended).toBe(true)
    const { errors } = live.results.at(-1) ?? {}
    expect(errors).toHaveLength(1)
    const logged = app.log.lines.filter(({ level }) => level >= 50)
    expect(logged).toHaveLength(1)
    expect(errors?.[0]?.extensions).toEqual({ code: 'INTERNAL', requestId: logged[0]?.requestId })
    expect(errors?.[0]?.message).toContain(String(logged[0]?.requestId))
    await live.close()
  })
})

describe('an outage of the database', () => {
  let backend: TestBackend
  let line: Line
  let app: TestApp
  let other: TestApp

  beforeAll(async () => {
    backend = await createBackend()
    const over = await startLineTo(backend.database.url)
    line = over.line
    app = await startTestApp({ backend, config: { databaseUrl: over.url } })
    other = await startTestApp({ backend })
  })
  afterAll(async () => {
    await line.restore()
    await app.close()
    await line.close()
    await other.close()
    await backend.close()
  })

  async function readiness() {
    const answer = await fetch(`${app.url}/readyz`)
    const body = (await answer.json()) as { status: string; checks: Record<string, string> }
    return { status: answer.status, checks: body.checks }
  }

  test('is answered with UNAVAILABLE, 503 and Retry-After; /readyz names it; then all is well again', async () => {
    await app.client().ask(ViewerDocument)
    expect(await readiness()).toEqual({ status: 200, checks: { database: 'ok', queue: 'ok', bus: 'ok' } })
    await line.cut()

    const answers = await Promise.all(Array.from({ length: 10 }, () => app.client().send(ViewerDocument)))
    for (const { status, headers, errors } of answers) {
      expect({ status, retryAfter: headers.get('retry-after') }).toEqual({ status: 503, retryAfter: '2' })
      expect(errors?.map(({ extensions }) => extensions)).toEqual([{ code: 'UNAVAILABLE', retryAfterSeconds: 2 }])
    }
    const unready = await readiness()
    expect(unready.status).toBe(503)
    expect(unready.checks.database).toMatch(/ECONNREFUSED|terminated/)
    expect((await fetch(`${app.url}/healthz`)).status).toBe(200)

    await line.restore()
    await until(async () => (await readiness()).status === 200)
    await until(async () => (await app.client().send(ViewerDocument)).status === 200)
    expect(app.log.lines.filter(({ level, msg }) => level >= 50 && msg.includes('bug'))).toEqual([])
  })

  test.each(transports)(
    'ends a subscription over $name with UNAVAILABLE at the latest when it has to look',
    async ({ subscribe }) => {
      const place = { url: app.url, key: backend.operatorKey }
      const live = subscribe(place, ViewerEventsDocument)
      await until(() => live.results.length === 1)
      await line.cut()
      await until(() => live.ended)
      expect(live.ended).toBe(true)
      expect(live.results.at(-1)?.errors?.map(({ extensions }) => extensions.code)).toEqual(['UNAVAILABLE'])
      await live.close()
      await line.restore()
      await until(async () => (await app.client().send(ViewerDocument)).status === 200)
    },
  )

  test('at the moment of connecting closes a WebSocket with the code for "try again later"', async () => {
    await line.cut()
    // A key that was looked up just before is still known for a moment.
    await until(async () => {
      const live = subscribeOverWebSocket({ url: app.url, key: backend.operatorKey }, ViewerEventsDocument)
      await until(() => live.ended)
      await live.close()
      return live.closeCode === 1013
    })
    await line.restore()
    await until(async () => (await app.client().send(ViewerDocument)).status === 200)
  })
})
