import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { scopes } from '../src/tenants/api-key.ts'
import { RevokeApiKeyDocument, ViewerDocument, ViewerEventsDocument } from './generated/documents.ts'
import { withDatabase } from './harness/database.ts'
import { transports } from './harness/live-client.ts'
import { makeKey, makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'
import { until } from './harness/until.ts'

describe('the end of a key', () => {
  let app: TestApp
  let tenant: TestTenant

  beforeAll(async () => {
    app = await startTestApp()
    tenant = await makeTenant(app)
  })
  afterAll(() => app.close())

  test.each(transports)('a key that expires is refused, and its subscription over $name ends', async (transport) => {
    const { id, secret } = await makeKey(tenant.client, { expiresAt: '2100-01-01T00:00:00Z' })
    const live = transport.subscribe({ url: app.url, key: secret }, ViewerEventsDocument)
    await until(() => live.results.length === 1)
    // Its time, shortened to a moment.
    await withDatabase(app.backend.database.url, (client) =>
      client.query(`update api_keys set expires_at = now() + interval '300 ms' where id = $1`, [id]),
    )
    await until(() => live.ended)
    expect(live.ended).toBe(true)
    expect(live.results.at(-1)?.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
    const { errors } = await until(async () => {
      const answer = await app.client(secret).send(ViewerDocument)
      return answer.errors && answer
    })
    expect(errors?.[0]).toMatchObject({
      message: 'This API key is expired.',
      extensions: { code: 'UNAUTHENTICATED', hint: 'Ask for a new key.' },
    })
    await live.close()
  })

  test('revoking twice keeps the first moment', async () => {
    const { id, secret } = await makeKey(tenant.client)
    const { revokeApiKey: first } = await tenant.client.ask(RevokeApiKeyDocument, { id })
    const again = await Promise.all([1, 2, 3].map(() => tenant.client.ask(RevokeApiKeyDocument, { id })))
    expect(first.revokedAt).not.toBeNull()
    expect(again.map(({ revokeApiKey }) => revokeApiKey)).toEqual([first, first, first])
    await until(async () => (await app.client(secret).send(ViewerDocument)).status === 401)
  })

  test('a key may revoke itself', async () => {
    const { id, secret } = await makeKey(tenant.client, { scopes: ['ADMIN'] })
    await app.client(secret).ask(RevokeApiKeyDocument, { id })
    await until(async () => (await app.client(secret).send(ViewerDocument)).status === 401)
  })

  test.each([
    ['an unknown id', 'zzzzzzzzzzzzzzzz'],
    ['no id of ours', 'a\0b'],
    ['nothing', ''],
    ['much', 'a'.repeat(10_000)],
  ])('there is nothing to revoke at %s', async (_, id) => {
    const { extensions } = await tenant.client.refusal(RevokeApiKeyDocument, { id })
    expect(extensions).toEqual({ code: 'NOT_FOUND', field: 'id' })
  })
})

describe('in a process that no wake-up reaches', () => {
  let app: TestApp
  let deaf: TestApp

  beforeAll(async () => {
    app = await startTestApp()
    deaf = await startTestApp({ backend: app.backend, isDeaf: true })
  })
  afterAll(async () => {
    await deaf.close()
    await app.close()
  })

  // A second is what is promised; a machine that has no time for us may need another try to show it.
  test.each(transports)('a revoked key ends within a second, over $name too', { retry: 2 }, async ({ subscribe }) => {
    const { id, secret } = await makeKey(app.client(), { scopes: [...scopes] })
    const live = subscribe({ url: deaf.url, key: secret }, ViewerEventsDocument)
    await until(() => live.results.length === 1)
    await deaf.client(secret).ask(ViewerDocument)

    await app.client().ask(RevokeApiKeyDocument, { id })
    const revokedAt = Date.now()
    const took = () => Date.now() - revokedAt
    const [refusedMs, endedMs] = await Promise.all([
      until(async () => (await deaf.client(secret).send(ViewerDocument)).status === 401 && took()),
      until(() => live.ended !== false && took()),
    ])
    expect(refusedMs).toBeLessThan(1_000)
    expect(endedMs).toBeLessThan(1_000)
    expect(live.results.at(-1)?.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
    await live.close()
  })
})
