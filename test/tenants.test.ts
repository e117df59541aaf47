import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tenantScopes } from '../src/tenants/api-key.ts'
import { monthOf } from '../src/tenants/usage.ts'
import {
  CreateTenantDocument,
  type CreateTenantInput,
  UpdateTenantDocument,
  type UpdateTenantInput,
  ViewerDocument,
  ViewerEventsDocument,
} from './generated/documents.ts'
import { withDatabase } from './harness/database.ts'
import type { GraphQLClient } from './harness/graphql-client.ts'
import { transports } from './harness/live-client.ts'
import { makeKey, makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'
import { until } from './harness/until.ts'

describe('tenants', () => {
  let app: TestApp
  let tenant: TestTenant

  beforeAll(async () => {
    app = await startTestApp()
    tenant = await makeTenant(app)
  })
  afterAll(() => app.close())

  async function viewed(client: GraphQLClient) {
    return (await client.ask(ViewerDocument)).viewer.tenant
  }

  async function refusalOf(client: GraphQLClient, input: UpdateTenantInput, tenantId?: string) {
    const { message, extensions } = await client.refusal(UpdateTenantDocument, { input, tenantId })
    return { code: extensions.code, field: extensions.field, message }
  }

  describe('made by the operator', () => {
    test('a tenant comes with a key that may do everything within it, and nothing beyond', async () => {
      const input = { slug: 'acme', name: ' Acme GmbH ', monthlySpanLimit: 0, retentionDays: 36_500 }
      const { createTenant } = await app.client().ask(CreateTenantDocument, { input })
      expect(createTenant.tenant).toMatchObject({ ...input, name: 'Acme GmbH' })
      expect(createTenant.tenant.usage).toMatchObject({ traces: 0, spans: 0, spanLimit: 0, spansLeft: 0 })
      expect(createTenant.apiKey).toMatchObject({ name: 'First key', expiresAt: null, revokedAt: null })

      const { viewer } = await app.client(createTenant.secret).ask(ViewerDocument)
      expect(viewer.scopes).toEqual(tenantScopes)
      expect(viewer.scopes).not.toContain('OPERATOR')
      expect(viewer.tenant).toEqual(createTenant.tenant)
      const another = { input: { slug: 'acme-2', name: 'Another' } }
      const { extensions } = await app.client(createTenant.secret).refusal(CreateTenantDocument, another)
      expect(extensions.code).toBe('FORBIDDEN')
    })

    test('limits that are left out or null are none', async () => {
      const { client } = await makeTenant(app, { monthlySpanLimit: null })
      expect(await viewed(client)).toMatchObject({
        monthlySpanLimit: null,
        retentionDays: null,
        usage: { spanLimit: null, spansLeft: null },
      })
    })

    test.each([['a'], ['7'], ['a-b'], ['0-0'], ['a--b'], ['s'.repeat(63)]])('"%s" is a slug', async (slug) => {
      expect((await makeTenant(app, { slug })).slug).toBe(slug)
    })

    test.each([[''], ['-a'], ['a-'], ['A'], ['a b'], ['ä'], ['a_b'], ['a\n'], ['a\0'], ['s'.repeat(64)]])(
      '%j is none',
      async (slug) => {
        const { extensions } = await app.client().refusal(CreateTenantDocument, { input: { slug, name: 'A tenant' } })
        expect(extensions).toEqual({ code: 'INVALID_INPUT', field: 'input.slug' })
      },
    )

    test.each<[string, Partial<CreateTenantInput>]>([
      ['input.name', { name: ' ' }],
      ['input.monthlySpanLimit', { monthlySpanLimit: -1 }],
      ['input.monthlySpanLimit', { monthlySpanLimit: 2_147_483_648 }],
      ['input.retentionDays', { retentionDays: 0 }],
      ['input.retentionDays', { retentionDays: 36_501 }],
      ['input.retentionDays', { retentionDays: 1.5 }],
    ])('an invalid value is refused by its name: %s of %j', async (field, wrong) => {
      const input = { slug: 'never', name: 'A tenant', ...wrong }
      const { message, extensions } = await app.client().refusal(CreateTenantDocument, { input })
      expect(extensions).toMatchObject({ code: 'INVALID_INPUT', field })
      expect(message).toMatch(/got |invalid value /)
    })

    test('a slug that is taken is a conflict, and no key is made', async () => {
      const { slug } = await makeTenant(app)
      const counted = () => withDatabase(app.backend.database.url, (client) => client.query('select id from api_keys'))
      const before = (await counted()).rowCount
      const { message, extensions } = await app.client().refusal(CreateTenantDocument, { input: { slug, name: 'Two' } })
      expect(extensions).toEqual({ code: 'CONFLICT', field: 'input.slug' })
      expect(message).toBe(`There is a tenant "${slug}" already.`)
      expect((await counted()).rowCount).toBe(before)
    })

    test('of many that want one slug at once, exactly one gets it', async () => {
      const names = Array.from({ length: 10 }, (_, i) => `Tenant ${i}`)
      const answers = await Promise.all(
        names.map((name) => app.client().send(CreateTenantDocument, { input: { slug: 'wanted', name } })),
      )
      const winners = answers.flatMap(({ data }) => data?.createTenant ?? [])
      const codes = answers.flatMap(({ errors }) => errors?.map(({ extensions }) => extensions.code) ?? [])
      expect(winners).toHaveLength(1)
      expect(codes).toEqual(Array(9).fill('CONFLICT'))
      expect(await viewed(app.client(winners[0]?.secret))).toEqual(winners[0]?.tenant)
    })
  })

  describe('changed', () => {
    test('what is left out stays, and null takes away', async () => {
      const { id, client } = await makeTenant(app, { name: 'Before', monthlySpanLimit: 100, retentionDays: 30 })
      const { updateTenant: renamed } = await client.ask(UpdateTenantDocument, { input: { name: ' After ' } })
      expect(renamed).toMatchObject({ id, name: 'After', monthlySpanLimit: 100, retentionDays: 30 })
      const { updateTenant: kept } = await client.ask(UpdateTenantDocument, { input: { retentionDays: null } })
      expect(kept).toMatchObject({ name: 'After', monthlySpanLimit: 100, retentionDays: null })
      const { updateTenant: same } = await client.ask(UpdateTenantDocument, { input: {} })
      expect(same).toEqual(kept)
      const { updateTenant: unlimited } = await app
        .client()
        .ask(UpdateTenantDocument, { tenantId: id, input: { monthlySpanLimit: null } })
      expect(unlimited).toEqual({
        ...kept,
        monthlySpanLimit: null,
        usage: { ...kept.usage, spanLimit: null, spansLeft: null },
      })
      expect(await viewed(client)).toEqual(unlimited)
    })

    test('ADMIN sets what is its own, OPERATOR alone the span limit, and for any tenant', async () => {
      const { id, client } = await makeTenant(app, { monthlySpanLimit: 100 })
      const admin = app.client((await makeKey(client, { scopes: ['ADMIN'] })).secret)
      const operator = app.client((await makeKey(app.client(), { scopes: ['OPERATOR'] })).secret)
      const reader = app.client((await makeKey(client, { scopes: ['READ'] })).secret)

      await admin.ask(UpdateTenantDocument, { input: { name: 'By its admin', retentionDays: 7 } })
      await admin.ask(UpdateTenantDocument, { tenantId: id, input: { retentionDays: 8 } })
      for (const monthlySpanLimit of [101, 100, null]) {
        expect(await refusalOf(admin, { name: 'More', monthlySpanLimit })).toEqual({
          code: 'FORBIDDEN',
          field: 'input.monthlySpanLimit',
          message: 'monthlySpanLimit is set by the operator: this needs the scope OPERATOR.',
        })
      }
      expect((await refusalOf(reader, { name: 'By a reader' })).code).toBe('FORBIDDEN')
      expect((await refusalOf(reader, { name: 'By a reader' }, tenant.id)).code).toBe('FORBIDDEN')
      await operator.ask(UpdateTenantDocument, { tenantId: id, input: { monthlySpanLimit: 200 } })
      expect(await viewed(client)).toMatchObject({ name: 'By its admin', monthlySpanLimit: 200, retentionDays: 8 })
    })

    test("the operator is told where there is no tenant, also where the id can't be one", async () => {
      for (const tenantId of ['tn_0000000000000000000000000', 'nobody', '', 'tn_\0', 'x'.repeat(5_000)]) {
        expect(await refusalOf(app.client(), { name: 'Nobody' }, tenantId)).toMatchObject({
          code: 'NOT_FOUND',
          field: 'tenantId',
        })
      }
    })

    test.each<[string, UpdateTenantInput]>([
      ['input.name', { name: null }],
      ['input.name', { name: '' }],
      ['input.name', { name: 'n'.repeat(201) }],
      ['input.monthlySpanLimit', { monthlySpanLimit: -1 }],
      ['input.retentionDays', { retentionDays: 0 }],
      ['input.retentionDays', { retentionDays: 36_501 }],
    ])('an invalid value is refused by its name, and nothing is changed: %s of %j', async (field, wrong) => {
      const before = await viewed(tenant.client)
      const input = { retentionDays: 3, ...wrong }
      expect(await refusalOf(app.client(), input, tenant.id)).toMatchObject({ code: 'INVALID_INPUT', field })
      expect(await viewed(tenant.client)).toEqual(before)
    })

    test('changes of different fields at once are all kept', async () => {
      const { id, client } = await makeTenant(app)
      const change = (input: UpdateTenantInput) => app.client().ask(UpdateTenantDocument, { tenantId: id, input })
      for (let round = 1; round <= 5; round++) {
        const wanted = { name: `Round ${round}`, monthlySpanLimit: round, retentionDays: round }
        const { name, monthlySpanLimit, retentionDays } = wanted
        await Promise.all([change({ name }), change({ monthlySpanLimit }), change({ retentionDays })])
        expect(await viewed(client)).toMatchObject(wanted)
      }
    })
  })
})

describe('usage', () => {
  let app: TestApp
  let other: TestApp

  beforeAll(async () => {
    app = await startTestApp()
    other = await startTestApp({ backend: app.backend })
  })
  afterAll(async () => {
    await other.close()
    await app.close()
  })

  /** As ingest will: the row of this month. */
  async function use(tenantId: string, spans: number, month = monthOf(new Date())): Promise<void> {
    await withDatabase(app.backend.database.url, (client) =>
      client.query(
        `insert into usage (tenant_id, month, traces, spans) values ($1, $2, 1, $3)
         on conflict (tenant_id, month) do update set spans = excluded.spans`,
        [tenantId, month, spans],
      ),
    )
  }

  test("is this month's of this tenant, and what is left is never below nothing", async () => {
    const { id, client } = await makeTenant(app, { monthlySpanLimit: 1_000 })
    const neighbour = await makeTenant(app, { monthlySpanLimit: 1_000 })
    const usageOf = async (of = client) => (await of.ask(ViewerDocument)).viewer.tenant.usage
    await use(id, 999, '2020-01')
    await use(neighbour.id, 500)
    expect(await usageOf()).toMatchObject({ traces: 0, spans: 0, spanLimit: 1_000, spansLeft: 1_000 })
    await use(id, 400)
    expect(await usageOf()).toMatchObject({ traces: 1, spans: 400, spanLimit: 1_000, spansLeft: 600 })
    await use(id, 1_200)
    expect(await usageOf()).toMatchObject({ spans: 1_200, spansLeft: 0 })
    expect(await usageOf(neighbour.client)).toMatchObject({ spans: 500, spansLeft: 500 })
    expect([monthOf(new Date()), (await usageOf()).month]).toContain((await usageOf()).month)
  })

  test.each(transports)('viewerEvents over $name tells of a threshold, and of nothing below', async ({ subscribe }) => {
    const { id, key } = await makeTenant(app, { name: 'Start', monthlySpanLimit: 100 })
    const live = subscribe({ url: app.url, key }, ViewerEventsDocument)
    await until(() => live.results.length === 1)
    /** A change in another process wakes whoever watches the tenant; one that changes nothing does too. */
    const wake = (name: string) => other.client(key).ask(UpdateTenantDocument, { input: { name } })
    const seen = () =>
      live.results.map(({ data }) => [data?.viewerEvents.tenant.name, data?.viewerEvents.tenant.usage.spans])

    await use(id, 49)
    await wake('Start')
    await wake('Renamed')
    await until(() => seen().length === 2)
    await use(id, 50)
    await wake('Renamed')
    await until(() => seen().length === 3)
    await use(id, 79)
    await wake('Renamed')
    await use(id, 100)
    await wake('Renamed')
    await until(() => seen().length === 4)
    expect(seen()).toEqual([
      ['Start', 0],
      ['Renamed', 49],
      ['Renamed', 50],
      ['Renamed', 100],
    ])
    await live.close()
  })
})

test('viewerEvents finds a change by itself where the wake-up was lost', async () => {
  const deaf = await startTestApp({ isDeaf: true })
  const { client, key } = await makeTenant(deaf)
  const lives = transports.map(({ subscribe }) => subscribe({ url: deaf.url, key }, ViewerEventsDocument))
  await until(() => lives.every(({ results }) => results.length === 1))
  await client.ask(UpdateTenantDocument, { input: { retentionDays: 5 } })
  await until(() => lives.every(({ results }) => results.length === 2))
  for (const { results, close } of lives) {
    expect(results[1]?.data?.viewerEvents.tenant.retentionDays).toBe(5)
    await close()
  }
  await deaf.close()
})
