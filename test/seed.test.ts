import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  AgentsDocument,
  CountTracesDocument,
  type TraceFilter,
  TracesDocument,
  ViewerDocument,
} from './generated/documents.ts'
import { makeKey, makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'

/** `npm run seed`, as a newcomer runs it. Redis has no part in it, so one round is enough. */
describe.skipIf(process.env.TEST_WITH === 'redis')('the seed', () => {
  let app: TestApp
  let tenant: TestTenant

  beforeAll(async () => {
    app = await startTestApp()
    tenant = await makeTenant(app)
  })
  afterAll(() => app?.close())

  const fixed = ['--seed', '7', '--until', '2026-11-20T12:00:00Z']

  const count = async (filter: TraceFilter) =>
    (await tenant.client.ask(CountTracesDocument, { filter })).traces.totalCount
  async function look() {
    const [{ traces }, { viewer }] = await Promise.all([
      tenant.client.ask(TracesDocument, { first: 100 }),
      tenant.client.ask(ViewerDocument),
    ])
    return { traces: traces.edges.map(({ node }) => node), usage: viewer.tenant.usage }
  }

  test('fills a tenant with what is worth looking at, and again changes nothing', async () => {
    const first = await seed(['--traces', '40', ...fixed], { TRACEMEND_KEY: tenant.key })
    expect(first).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('accepted 40, rejected 0') })
    expect(first.stdout).toContain(`curl ${app.url}/graphql`)

    expect(await count({})).toBe(40)
    expect(
      await count({ metadata: { seed: 7 }, startedAt: { gte: '2026-11-06T12:00:00Z', lt: '2026-11-20T12:00:00Z' } }),
    ).toBe(40)
    expect(await count({ status: ['FAILED', 'TIMED_OUT'] })).toBeGreaterThan(0)
    expect(await count({ status: ['RUNNING'] })).toBeGreaterThan(0)
    const { agents } = await tenant.client.ask(AgentsDocument, {})
    expect(agents.totalCount).toBeGreaterThan(3)

    const seen = await look()
    expect(seen.traces.map(({ costSource }) => costSource)).toEqual(expect.arrayContaining(['COMPUTED', 'UNPRICED']))
    const turns = seen.traces.map(({ conversationId }) => conversationId).filter((id) => id !== null)
    expect(new Set(turns).size).toBeGreaterThan(1)
    expect(new Set(turns).size).toBeLessThan(turns.length)

    expect(await seed(['--traces', '40', ...fixed], { TRACEMEND_KEY: tenant.key })).toMatchObject({ exitCode: 0 })
    expect(await look()).toEqual(seen)
  })

  test('says what to do where it cannot', async () => {
    const reader = await makeKey(tenant.client)
    const sentences: [settings: Record<string, string>, given: string[], sentence: RegExp][] = [
      [{}, [], /TRACEMEND_KEY is missing: set it to the key that the first `npm start` printed/],
      [{ TRACEMEND_KEY: 'tm_nobody_x' }, [], /Set TRACEMEND_KEY to the key that the first start printed/],
      [{ TRACEMEND_KEY: reader.secret }, [], /needs the scope INGEST; your key has READ/],
      [{ TRACEMEND_KEY: 'tm_x_x', TRACEMEND_URL: 'http://127.0.0.1:9' }, [], /Start it with `npm start`/],
      [{ TRACEMEND_KEY: tenant.key }, ['--trace', '3'], /--trace[\s\S]*--traces N/],
      [{ TRACEMEND_KEY: tenant.key }, ['--traces', 'many'], /whole number from 1 to .*; got "many"/],
    ]
    const said = await Promise.all(sentences.map(([settings, given]) => seed(given, settings)))
    for (const [index, [, , sentence]] of sentences.entries()) {
      expect(said[index]).toEqual({ exitCode: 1, stdout: '', stderr: expect.stringMatching(sentence) })
      expect(said[index]?.stderr).not.toMatch(/^ {4}at /m)
    }
  })

  async function seed(given: string[], settings: Record<string, string>) {
    const { TRACEMEND_KEY: _, ...inherited } = process.env
    const env = { ...inherited, TRACEMEND_URL: app.url, ...settings }
    const run = promisify(execFile)('node', ['--import', 'tsx', 'scripts/seed.ts', ...given], { env })
    return run.then(
      ({ stdout, stderr }) => ({ exitCode: 0, stdout, stderr }),
      ({ code, stdout, stderr }) => ({ exitCode: code as number, stdout: stdout as string, stderr: stderr as string }),
    )
  }
})
