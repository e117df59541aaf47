import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatApiKey, mintKey } from '../src/tenants/api-key.ts'
import {
  ApiKeysDocument,
  CreateApiKeyDocument,
  type CreateApiKeyInput,
  RevokeApiKeyDocument,
  ViewerDocument,
  ViewerEventsDocument,
} from './generated/documents.ts'
import { withDatabase } from './harness/database.ts'
import type { GraphQLClient } from './harness/graphql-client.ts'
import { subscribeOverWebSocket } from './harness/live-client.ts'
import { makeKey, makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'
import { until } from './harness/until.ts'

const hourMs = 3_600_000

describe('API keys', () => {
  let app: TestApp
  let tenant: TestTenant

  beforeAll(async () => {
    app = await startTestApp({ workers: true })
    tenant = await makeTenant(app)
  })
  afterAll(() => app.close())

  function fromNow(ms: number): string {
    return new Date(Date.now() + ms).toISOString()
  }

  async function refusalOf(maker: GraphQLClient, input: Partial<CreateApiKeyInput>) {
    const { message, extensions } = await maker.refusal(CreateApiKeyDocument, {
      input: { name: 'A key', scopes: ['READ'], ...input },
    })
    return { code: extensions.code, field: extensions.field, message }
  }

  describe('made and listed', () => {
    test('a new key works, is shown whole once, and is listed after the older ones, ended ones included', async () => {
      const owner = await makeTenant(app)
      const expiresAt = fromNow(hourMs)
      const { createApiKey } = await owner.client.ask(CreateApiKeyDocument, {
        input: { name: '  Nightly import  ', scopes: ['READ', 'INGEST', 'READ'], expiresAt },
      })
      const { apiKey, secret } = createApiKey
      expect(secret).toMatch(new RegExp(`^tm_${apiKey.id}_[a-z0-9]{40}$`))
      expect(apiKey).toMatchObject({ name: 'Nightly import', prefix: `tm_${apiKey.id}`, scopes: ['INGEST', 'READ'] })
      expect(apiKey).toMatchObject({ expiresAt, revokedAt: null, lastUsedAt: null })

      const { viewer } = await app.client(secret).ask(ViewerDocument)
      expect(viewer).toMatchObject({ tenant: { id: owner.id }, apiKey: { id: apiKey.id }, scopes: ['INGEST', 'READ'] })
      await owner.client.ask(RevokeApiKeyDocument, { id: apiKey.id })
      const last = await makeKey(owner.client)
      const { apiKeys } = await owner.client.ask(ApiKeysDocument)
      expect(apiKeys.map(({ id }) => id)).toEqual([owner.keyId, apiKey.id, last.id])
      expect(apiKeys.map(({ revokedAt }) => revokedAt !== null)).toEqual([false, true, false])
      expect(JSON.stringify(apiKeys)).not.toContain(secret.slice(-40))
    })

    test("an operator's key is revoked by no key that isn't one", async () => {
      const admin = await makeKey(app.client(), { scopes: ['ADMIN'] })
      const operator = await makeKey(app.client(), { scopes: ['OPERATOR'] })
      const { extensions } = await app.client(admin.secret).refusal(RevokeApiKeyDocument, { id: operator.id })
      expect(extensions).toEqual({ code: 'FORBIDDEN', field: 'id' })
      await app.client(operator.secret).ask(ViewerDocument)
      const { revokeApiKey } = await app.client().ask(RevokeApiKeyDocument, { id: operator.id })
      expect(revokeApiKey.revokedAt).not.toBeNull()
    })

    test.each([
      ['empty', '', 'A name has 1 to 200 characters, got 0.'],
      ['of spaces', ' \t ', 'A name has 1 to 200 characters, got 0.'],
      ['too long', 'n'.repeat(201), 'A name has 1 to 200 characters, got 201.'],
      ['with a NUL', 'a\0b', 'A name has no control characters.'],
      ['of two lines', 'a\nb', 'A name has no control characters.'],
      ['with half a character', 'a\ud83db', 'A name has no control characters.'],
    ])('a name is refused that is %s', async (_, name, message) => {
      expect(await refusalOf(tenant.client, { name })).toEqual({ code: 'INVALID_INPUT', field: 'input.name', message })
    })

    test.each([
      ['of 200 characters', 'n'.repeat(200)],
      ['of 200 characters that take two units each', '🔑'.repeat(200)],
      ['in any script', "Клавиша 鍵 'drop table' \\ %"],
    ])('a name is taken as it is %s', async (_, name) => {
      const { id } = await makeKey(tenant.client, { name })
      const { apiKeys } = await tenant.client.ask(ApiKeysDocument)
      expect(apiKeys.find((key) => key.id === id)?.name).toBe(name)
    })

    test('no scope at all, an unknown one, and an end in the past are refused by the name of the field', async () => {
      const past = '2020-01-01T00:00:00.000Z'
      expect(await refusalOf(tenant.client, { scopes: [] })).toMatchObject({
        code: 'INVALID_INPUT',
        field: 'input.scopes',
      })
      expect(await refusalOf(tenant.client, { scopes: ['ROOT' as never] })).toMatchObject({ code: 'INVALID_INPUT' })
      expect(await refusalOf(tenant.client, { expiresAt: past })).toEqual({
        code: 'INVALID_INPUT',
        field: 'input.expiresAt',
        message: `expiresAt must lie in the future, got ${past}.`,
      })
      expect(await refusalOf(tenant.client, { expiresAt: 'tomorrow' })).toMatchObject({ code: 'INVALID_INPUT' })
    })
  })

  describe('given on', () => {
    test("a key can't give scopes that it hasn't got", async () => {
      const { secret } = await makeKey(tenant.client, { scopes: ['ADMIN', 'READ'] })
      const maker = app.client(secret)
      expect(await refusalOf(maker, { scopes: ['READ', 'RUN', 'OPERATOR'] })).toEqual({
        code: 'FORBIDDEN',
        field: 'input.scopes',
        message: "Your key can't give scopes that it hasn't got: RUN, OPERATOR.",
      })
      await makeKey(maker, { scopes: ['ADMIN', 'READ'] })
    })

    test("a key can't give one that outlives it", async () => {
      const expiresAt = fromNow(hourMs)
      const { secret } = await makeKey(tenant.client, { scopes: ['ADMIN', 'READ'], expiresAt })
      const maker = app.client(secret)
      const forbidden = { code: 'FORBIDDEN', field: 'input.expiresAt' }
      expect(await refusalOf(maker, {})).toMatchObject(forbidden)
      expect(await refusalOf(maker, { expiresAt: null })).toMatchObject(forbidden)
      expect(await refusalOf(maker, { expiresAt: fromNow(2 * hourMs) })).toMatchObject(forbidden)
      await makeKey(maker, { expiresAt })
      await makeKey(maker, { expiresAt: fromNow(hourMs / 2) })
    })
  })

  describe('refused', () => {
    test("a wrong secret, an unknown id and another key's secret are told the same", async () => {
      const key = await makeKey(tenant.client)
      const other = await makeKey(tenant.client)
      const strangers = [
        formatApiKey({ id: key.id, secret: mintKey().secret }),
        formatApiKey(mintKey()),
        `tm_${key.id}_${other.secret.split('_')[2]}`,
        `${key.secret}0`,
      ]
      const answers = await Promise.all(strangers.map((secret) => app.client(secret).send(ViewerDocument)))
      for (const { status, data, errors } of answers) {
        expect(status).toBe(401)
        expect(data).toBeUndefined()
        expect(errors).toEqual([
          {
            message: 'This API key is not known.',
            extensions: { code: 'UNAUTHENTICATED', hint: expect.stringContaining('Authorization: Bearer') },
          },
        ])
      }
    })

    test.each([
      ['a word', 'secret'],
      ['no secret', 'tm_abcdefgh'],
      ['a short secret', `tm_abcdefgh_${'a'.repeat(39)}`],
      ['a long secret', `tm_abcdefgh_${'a'.repeat(129)}`],
      ['a short id', `tm_abc_${'a'.repeat(40)}`],
      ['another prefix', `sk_abcdefgh_${'a'.repeat(40)}`],
      ['capitals in its id', `tm_ABCDEFGH_${'a'.repeat(40)}`],
      ['SQL', `tm_abcd'--_${'a'.repeat(40)}`],
      ['two keys', `tm_abcdefgh_${'a'.repeat(40)}, tm_abcdefgh_${'a'.repeat(40)}`],
    ])('what is no key: %s', async (_, text) => {
      const { status, errors } = await app.client(text).send(ViewerDocument)
      expect({ status, code: errors?.[0]?.extensions.code }).toEqual({ status: 401, code: 'UNAUTHENTICATED' })
      expect(errors?.[0]?.message).toBe('The Authorization header holds no key of the form tm_<id>_<secret>.')
    })
  })

  test('only a hash is stored, and no key reaches the log', async () => {
    const { id, secret } = await makeKey(tenant.client, { scopes: ['READ', 'ADMIN'] })
    const hidden = secret.split('_')[2] ?? ''
    await app.client(secret).ask(ApiKeysDocument)
    await app.client(secret).refusal('{ nothing }')
    await app.client(`${secret}0`).refusal(ViewerDocument)
    const live = subscribeOverWebSocket({ url: app.url, key: secret }, ViewerEventsDocument)
    await until(() => live.results.length === 1)
    await live.close()
    await app.drain()

    const rows = await withDatabase(app.backend.database.url, (client) =>
      client.query('select k::text as columns from api_keys k where id = $1', [id]),
    )
    const stored = rows.rows.map(({ columns }) => columns).join()
    expect(stored, 'the hash, so the search would find what is there').toContain(
      createHash('sha256').update(hidden).digest('hex'),
    )
    const forms = [hidden, Buffer.from(hidden).toString('hex'), Buffer.from(hidden).toString('base64')]
    const log = JSON.stringify(app.log.lines)
    expect(log.length).toBeGreaterThan(2)
    for (const form of forms) {
      expect(stored).not.toContain(form)
      expect(log).not.toContain(form)
    }
  })

  test('lastUsedAt tells of the last use, and is not written with every request', async () => {
    const { id, secret } = await makeKey(tenant.client)
    const lastUse = async () => {
      const { apiKeys } = await tenant.client.ask(ApiKeysDocument)
      return apiKeys.find((key) => key.id === id)?.lastUsedAt
    }
    const { url } = app.backend.database
    await withDatabase(url, (client) => client.query(recordWrites))
    expect(await lastUse()).toBeNull()

    const requests = 40
    const before = new Date()
    for (let i = 0; i < requests; i++) await app.client(secret).ask(ViewerDocument)
    await app.drain()
    const first = await lastUse()
    expect(new Date(String(first)).getTime()).toBeGreaterThanOrEqual(before.getTime())
    const { rows } = await withDatabase(url, (client) =>
      client.query('select count(*)::int as writes from key_writes where id = $1', [id]),
    )
    // One write, and one more for every five seconds that the requests may take.
    expect(rows[0].writes).toBeGreaterThan(0)
    expect(rows[0].writes).toBeLessThan(requests / 4)

    await app.client(secret).ask(ViewerDocument)
    await app.drain()
    expect(new Date(String(await lastUse())).getTime()).toBeGreaterThan(new Date(String(first)).getTime())
  })
})

const recordWrites = `
  create table key_writes (id text);
  create function record_write() returns trigger language plpgsql as
    'begin insert into key_writes values (new.id); return null; end';
  create trigger record_writes after update on api_keys for each row execute function record_write()`
