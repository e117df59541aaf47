import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  ProvidersDocument,
  RemoveProviderDocument,
  SetProviderDocument,
  type SetProviderInput,
} from './generated/documents.ts'
import { withDatabase } from './harness/database.ts'
import { makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'

describe('providers of models', () => {
  let app: TestApp
  let tenant: TestTenant
  const own = {
    name: 'openai',
    type: 'OPENAI' as const,
    baseUrl: null,
    apiKey: "the operator's",
    mayBePrivate: true as const,
  }

  beforeAll(async () => {
    app = await startTestApp({ models: { providers: [own] } })
    tenant = await makeTenant(app)
  })
  afterAll(() => app.close())

  const set = (input: Partial<SetProviderInput>) =>
    tenant.client.send(SetProviderDocument, {
      input: { name: 'mine', type: 'OPENAI_COMPATIBLE', baseUrl: 'https://models.example/v1', ...input },
    })
  const list = async ({ client } = tenant) => (await client.ask(ProvidersDocument)).providers

  const demo = { name: 'demo', type: 'DEMO', baseUrl: null, hasApiKey: false, source: 'ENVIRONMENT' }
  const openai = { name: 'openai', type: 'OPENAI', baseUrl: null, hasApiKey: true, source: 'ENVIRONMENT' }

  test('are those of the operator and the demo, until a tenant sets its own', async () => {
    expect(await list()).toEqual([demo, openai])
    await set({ apiKey: 'sk-mine' })
    const mine = {
      name: 'mine',
      type: 'OPENAI_COMPATIBLE',
      baseUrl: 'https://models.example/v1',
      hasApiKey: true,
      source: 'TENANT',
    }
    expect(await list()).toEqual([demo, mine, openai])
    await set({ name: 'openai', type: 'OPENAI', baseUrl: null, apiKey: 'sk-own' })
    expect(await list()).toEqual([demo, mine, { ...openai, source: 'TENANT' }])
    expect(await list(await makeTenant(app))).toEqual([demo, openai])
    for (const name of ['mine', 'openai']) await tenant.client.ask(RemoveProviderDocument, { name })
    expect(await list()).toEqual([demo, openai])
    const { extensions } = await tenant.client.refusal(RemoveProviderDocument, { name: 'openai' })
    expect(extensions).toMatchObject({ code: 'NOT_FOUND', field: 'name' })
  })

  test('have keys that are sealed, and never read again', async () => {
    const answer = await set({ apiKey: 'sk-very-secret-1234' })
    expect(JSON.stringify(answer)).not.toContain('sk-very')
    const dump = await withDatabase(app.backend.database.url, async (client) => {
      const { rows } = await client.query(
        "select encode(sealed_key, 'escape') as key, providers::text as row from providers",
      )
      return JSON.stringify(rows)
    })
    expect(dump).not.toContain('sk-very')
    expect((await app.services.providers.findForCall(tenant.id, 'mine'))?.apiKey).toBe('sk-very-secret-1234')
    expect(await app.services.providers.findForCall((await makeTenant(app)).id, 'mine')).toBeNull()
  })

  test('keep their key as long as it goes to the same place', async () => {
    await set({ apiKey: 'sk-first' })
    const keyNow = async () => (await app.services.providers.findForCall(tenant.id, 'mine'))?.apiKey
    await set({})
    expect(await keyNow()).toBe('sk-first')
    await set({ baseUrl: 'https://another.example/v1' })
    expect(await keyNow()).toBeNull()
  })

  test.each<[Partial<SetProviderInput>, string]>([
    [{ name: 'Not A Name' }, 'input.name'],
    [{ name: 'demo' }, 'input.name'],
    [{ type: 'DEMO' }, 'input.type'],
    [{ baseUrl: null }, 'input.baseUrl'],
    [{ baseUrl: 'ftp://models.example' }, 'input.baseUrl'],
    [{ baseUrl: 'https://user:pass@models.example' }, 'input.baseUrl'],
    [{ baseUrl: 'models.example' }, 'input.baseUrl'],
    [{ apiKey: 'with spaces' }, 'input.apiKey'],
    [{ apiKey: 'x'.repeat(1_001) }, 'input.apiKey'],
  ])('%j is refused', async (input, field) => {
    const { errors } = await set(input)
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', field })
  })
})
