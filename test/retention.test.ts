import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { retainTenants } from '../src/tenants/tenant.jobs.ts'
import {
  ApiKeysDocument,
  CreatePlaygroundSessionDocument,
  PlaygroundSessionsDocument,
  RevokeApiKeyDocument,
  UpdateTenantDocument,
} from './generated/documents.ts'
import { withDatabase } from './harness/database.ts'
import { makePrompt, publish } from './harness/prompt.ts'
import { makeKey, makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'
import { until } from './harness/until.ts'

describe('retention', () => {
  let app: TestApp
  let other: TestApp

  beforeAll(async () => {
    app = await startTestApp({ workers: true })
    other = await startTestApp({ backend: app.backend, workers: true })
  })
  afterAll(async () => {
    await other.close()
    await app.close()
  })

  async function query(text: string, values: unknown[] = []) {
    return withDatabase(app.backend.database.url, (client) => client.query(text, values))
  }

  /** Keys of the tenant, each ended so many days ago in that way. */
  async function makeEndedKey({ id: tenantId, client }: TestTenant, ended: 'revoked_at' | 'expires_at', days: number) {
    const { id } = await makeKey(client, { name: `${ended} ${days} days ago` })
    await query(`update api_keys set ${ended} = now() - $3 * interval '1 day' where tenant_id = $1 and id = $2`, [
      tenantId,
      id,
      days,
    ])
  }

  async function retain(): Promise<void> {
    await app.queue.add(retainTenants, {})
    await app.drain()
  }

  async function namesOf({ client }: TestTenant): Promise<string[]> {
    return (await client.ask(ApiKeysDocument)).apiKeys.map(({ name }) => name)
  }

  function removedFrom({ id }: TestTenant) {
    return [app, other]
      .flatMap(({ log }) => log.said('retention removed rows'))
      .filter(({ tenantId }) => tenantId === id)
      .map(({ rule, rows }) => ({ rule, rows }))
  }

  test('is scheduled once, however many processes there are', async () => {
    // Retention, the trimming of the feed, and the sweeps of the search index and of runs.
    await until(async () => (await app.queue.depth()).delayed === 6)
    await until(async () => (await other.queue.depth()).delayed === 6)
  })

  test('removes sessions of the playground that nobody has touched or run since it began', async () => {
    const { id, client } = await makeTenant(app, { retentionDays: 30 })
    const open = async () => {
      const { name } = await makePrompt(client)
      await publish(client, name)
      const input = { promptName: name }
      return (await client.ask(CreatePlaygroundSessionDocument, { input })).createPlaygroundSession.id
    }
    const [old, young, run] = [await open(), await open(), await open()]
    const aged =
      "update playground_sessions set updated_at = now() - interval '31 days' where tenant_id = $1 and id = any($2)"
    await query(aged, [id, [old, run]])
    const insertRun = `insert into playground_runs (tenant_id, id, session_id, status, request, created_at)
      values ($1, 'run_kept', $2, 'CANCELED', '{}', now())`
    await query(insertRun, [id, run])
    await retain()
    const { playgroundSessions } = await client.ask(PlaygroundSessionsDocument)
    expect(playgroundSessions.nodes.map((session) => session.id)).toEqual([run, young])
  })

  test('removes keys that ended before it began; younger and live ones stay, and whoever keeps everything', async () => {
    const month = await makeTenant(app, { retentionDays: 30 })
    const keeper = await makeTenant(app)
    for (const tenant of [month, keeper]) {
      await makeKey(tenant.client, { name: 'live' })
      await makeEndedKey(tenant, 'revoked_at', 31)
      await makeEndedKey(tenant, 'expires_at', 31)
      await makeEndedKey(tenant, 'revoked_at', 29)
      await makeEndedKey(tenant, 'expires_at', 29)
    }
    await retain()
    const young = ['revoked_at 29 days ago', 'expires_at 29 days ago']
    const old = ['revoked_at 31 days ago', 'expires_at 31 days ago']
    expect(await namesOf(month)).toEqual(['First key', 'live', ...young])
    expect(await namesOf(keeper)).toEqual(['First key', 'live', ...old, ...young])
    expect(removedFrom(month)).toEqual([{ rule: 'ended API keys', rows: 2 }])
    expect(removedFrom(keeper)).toEqual([])

    await keeper.client.ask(UpdateTenantDocument, { input: { retentionDays: 30 } })
    await retain()
    expect(await namesOf(keeper)).toEqual(['First key', 'live', ...young])
    expect(removedFrom(month)).toHaveLength(1)
  })

  test('comes to every tenant and to the last row, in batches', async () => {
    await query(`
      insert into tenants (id, slug, name, retention_days)
      select 'tn_many' || n, 'many-' || n, 'One of many', 1 from generate_series(1, 250) n`)
    await query(`
      insert into api_keys (tenant_id, id, name, secret_hash, scopes, revoked_at)
      select 'tn_many' || n % 250 + 1, 'many' || n, 'ended', ''::bytea, '{READ}'::text[], now() - interval '2 days'
      from generate_series(1, 250) n
      union all
      select 'tn_many7', 'more' || n, 'ended', ''::bytea, '{READ}'::text[], now() - interval '2 days' from generate_series(1, 10001) n`)
    await retain()
    const { rowCount } = await query(`select 1 from api_keys where tenant_id like 'tn_many%'`)
    expect(rowCount).toBe(0)
    await query(`delete from tenants where id like 'tn_many%'`)
  })

  test('a failure of one tenant keeps nobody else from theirs, and is tried again', async () => {
    const [first, failing, last] = [
      await makeTenant(app, { retentionDays: 1 }),
      await makeTenant(app, { retentionDays: 1 }),
      await makeTenant(app, { retentionDays: 1 }),
    ]
    for (const tenant of [first, failing, last]) await makeEndedKey(tenant, 'revoked_at', 2)
    await query(`
      create function refuse() returns trigger language plpgsql as 'begin raise exception ''not today''; end';
      create trigger refuse before delete on api_keys for each row
        when (old.tenant_id = '${failing.id}') execute function refuse()`)
    await retain()
    expect(await namesOf(first)).toEqual(['First key'])
    expect(await namesOf(failing)).toEqual(['First key', 'revoked_at 2 days ago'])
    expect(await namesOf(last)).toEqual(['First key'])

    const said = () => [app, other].flatMap(({ log }) => log.said('a job failed and will be tried again'))
    await until(() => said().length === 1)
    expect(said()[0]).toMatchObject({ job: 'tenants.retain', err: { message: '1 retention rule(s) failed' } })
    expect(JSON.stringify(said())).toContain('not today')
    expect(await app.queue.depth(), 'the schedules, and the next attempt').toMatchObject({ delayed: 7, failed: 0 })

    await query('drop trigger refuse on api_keys')
    await retain()
    expect(await namesOf(failing)).toEqual(['First key'])
  })

  test("a revoked key of the operator's stays, so that no start puts it back", async () => {
    const id = app.backend.operatorKey.split('_')[1] ?? ''
    const stayer = app.client((await makeKey(app.client(), { scopes: ['ADMIN', 'OPERATOR', 'READ'] })).secret)
    await stayer.ask(UpdateTenantDocument, { input: { retentionDays: 1 } })
    await stayer.ask(RevokeApiKeyDocument, { id })
    await query(`update api_keys set revoked_at = now() - interval '2 days' where id = $1`, [id])
    await retain()
    const third = await startTestApp({ backend: app.backend })
    const { apiKeys } = await stayer.ask(ApiKeysDocument)
    expect(apiKeys.find((key) => key.id === id)?.revokedAt).toBeTruthy()
    expect((await third.client().refusal(ApiKeysDocument)).extensions.code).toBe('UNAUTHENTICATED')
    await third.close()
  })
})
