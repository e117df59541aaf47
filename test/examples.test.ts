import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { LLMock } from '@copilotkit/aimock'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PromptDocument, RevokeApiKeyDocument, SetProviderDocument, TraceDocument } from './generated/documents.ts'
import { withDatabase } from './harness/database.ts'
import { type Example, startExample } from './harness/example.ts'
import { ingest } from './harness/ingest.ts'
import { makeKey, makeTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'
import { until } from './harness/until.ts'

/** The line with which each example says that it has seen what it shows. */
const lastWords: Record<string, RegExp> = {
  'agent.ts': /^traced {2}version 1, CURRENT, 0\.000\d+ USD/m,
  'ingest-in-pieces.ts': /^same {3}one tree of 4 spans, 0\.0045 USD/m,
  'keys.ts': /^ended {2}UNAUTHENTICATED/m,
  'mend.ts': /^mended {2}version 2, of trace \S+, tried by 1 run$/m,
  'remember.ts': /^decides replace: .+\n(?:.+\n)+ledger {2}is whole up to 4:[0-9a-f]{64}$/m,
  'span-tree.ts': /^tree {3}5 spans of one request/m,
}

let app: TestApp

beforeAll(async () => {
  app = await startTestApp({ workers: true, models: { mayBePrivate: true } })
})
afterAll(() => app.close())

/** One never ends and has tests below; the other needs a file: `src/reasoning/ledger-export.test.ts`. */
const others = ['watch.ts', 'verify-ledger.ts']
const examples = (await readdir('examples')).filter((name) => name.endsWith('.ts') && !others.includes(name))

/** Whoever runs the tests may have a key for a real model. */
const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('OPENAI_')))

async function run(name: string, key = app.backend.operatorKey, more: Record<string, string> = {}): Promise<string> {
  const env = { ...inherited, TRACEMEND_URL: app.url, TRACEMEND_KEY: key, ...more }
  return (await promisify(execFile)('node', ['--import', 'tsx', `examples/${name}`], { env })).stdout
}

test.each(examples)('examples/%s runs as README says', async (name) => {
  expect(await run(name)).toMatch(lastWords[name] ?? /an example needs its last words here/)
})

describe('examples/agent.ts', () => {
  test('makes its prompt once, and tells of each call what it was made of', async () => {
    const tenant = await makeTenant(app)
    expect(await run('agent.ts', tenant.key)).toMatch(
      /^no key {2}.+\nmade {4}the prompt support-triage.+\nasked {3}with version 1 /,
    )
    const again = await run('agent.ts', tenant.key)
    expect(again).not.toContain('made')
    expect(again).toMatch(lastWords['agent.ts'] as RegExp)
  })

  test('records a call that fails, with what the provider said', async () => {
    const tenant = await makeTenant(app)
    const provider = new LLMock({ host: '127.0.0.1', port: 0 })
    provider.onMessage(/./, { status: 429, error: { message: 'Slow down, please.' } })
    await provider.start()
    const more = { OPENAI_BASE_URL: `${provider.url}/v1`, OPENAI_API_KEY: 'sk-nobody' }
    const stdout = await run('agent.ts', tenant.key, more).finally(() => provider.stop())
    expect(stdout).toMatch(/^traced {2}version 1, CURRENT, unknown USD/m)
    const [id] = /(?<=trace )\S+$/m.exec(stdout) ?? []
    const { trace } = await tenant.client.ask(TraceDocument, { id: id ?? '' })
    expect(trace).toMatchObject({ status: 'FAILED', errorMessage: 'Slow down, please.', promptName: 'support-triage' })
  })
})

describe('examples/mend.ts', () => {
  test('mends again and again, each time the call that failed with what the prompt says now', async () => {
    const tenant = await makeTenant(app)
    await run('agent.ts', tenant.key)
    const first = await run('mend.ts', tenant.key)
    expect(first).toMatch(/^made {4}a call that failed.+\nfound {3}trace /)
    expect(first).toMatch(/^ {8}\+ {2}Lesson 1: .+$/m)
    expect(first).toMatch(/^chosen {2}the demo.+\nheard {3}in run \S+\n {8}This is the demo provider, not a model/m)
    expect(first).toMatch(/^next {4}call is made of version 2, for openai gpt-4o-mini: "Lesson 1: /m)
    const second = await run('mend.ts', tenant.key)
    expect(second).toMatch(/^next {4}call is made of version 3, for openai gpt-4o-mini: "Lesson 2: /m)
    expect(await run('agent.ts', tenant.key)).toMatch(/^asked {3}with version 3 /m)
  })

  test("lets the prompt's own model answer where its provider is set, and says by which run it was tried", async () => {
    const tenant = await makeTenant(app)
    const provider = new LLMock({ host: '127.0.0.1', port: 0 })
    const usage = { prompt_tokens: 58, completion_tokens: 4, total_tokens: 62 }
    provider.onMessage(/./, { content: 'delivery, for a parcel is missing.', usage })
    await provider.start()
    const input = { name: 'openai', type: 'OPENAI_COMPATIBLE' as const, baseUrl: `${provider.url}/v1` }
    await tenant.client.ask(SetProviderDocument, { input })
    const stdout = await run('mend.ts', tenant.key).finally(() => provider.stop())
    expect(stdout).not.toContain('demo')
    expect(stdout).toMatch(/^heard {3}in run \S+\n {8}delivery, for a parcel is missing\.$/m)
    expect(stdout).toMatch(/^took {4}\+20 tokens read, -10 written, -0\.000003 USD, -\d+ ms against the call$/m)
    expect(stdout).toMatch(/^mended {2}version 2, of trace \S+, tried by 1 run$/m)
  })

  test('says why a run has failed, and publishes nothing', async () => {
    const tenant = await makeTenant(app)
    const input = { name: 'openai', type: 'OPENAI_COMPATIBLE' as const, baseUrl: 'http://127.0.0.1:1/v1' }
    await tenant.client.ask(SetProviderDocument, { input })
    await expect(run('mend.ts', tenant.key)).rejects.toThrow(/FAILED, UNREACHABLE: /)
    const { prompt } = await tenant.client.ask(PromptDocument, { name: 'support-triage' })
    expect(prompt).toMatchObject({ published: { number: 1 }, draft: { revision: 1 } })
  })
})

/** What it prints while its server is killed: test/live-crash.test.ts. */
describe('examples/watch.ts', () => {
  let folder: string
  let file: string
  const started: Example[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tracemend-watch-'))
  })
  afterAll(async () => {
    for (const example of started) if (example.exitCode === null) await example.stop()
    await rm(folder, { recursive: true })
  })

  async function start(key: string): Promise<Example> {
    const example = startExample('watch.ts', { url: app.url, key }, file)
    started.push(example)
    return example
  }

  /** What it has written first is from where on it watches. */
  async function untilItWatches(): Promise<void> {
    await until(async () => (await readFile(file, 'utf8').catch(() => '')).length > 0)
  }

  test('prints each trace that fails once, goes on where it ended, and says when its cursor is too old', async () => {
    file = join(folder, 'watched.log')
    const tenant = await makeTenant(app)
    await ingest(tenant.client, { id: 'before', status: 'FAILED' })
    const first = await start(tenant.key)
    await untilItWatches()
    await ingest(tenant.client, { id: 'at once', agent: 'planner', status: 'FAILED', errorMessage: 'no\nway' })
    await ingest(tenant.client, { id: 'well', status: 'COMPLETED' }, { id: 'later' })
    await ingest(tenant.client, { id: 'later', name: 'Slow', status: 'TIMED_OUT' }, { id: 'well', status: 'FAILED' })
    await ingest(tenant.client, { id: 'at once', tags: ['seen again'] }, { id: 'last', status: 'FAILED' })
    await until(() => first.stdout.includes('last'))
    expect(await first.stop()).toBe(0)
    expect(first.stdout).toBe(
      'FAILED  at once  planner  -  no way\nTIMED_OUT  later  -  Slow  -\nFAILED  well  -  -  -\nFAILED  last  -  -  -\n',
    )
    expect(first.stderr).toBe('')

    await ingest(tenant.client, { id: 'away', status: 'FAILED' }, { id: 'last', tags: ['changed'] })
    const second = await start(tenant.key)
    await until(() => second.stdout !== '')
    expect(await second.stop()).toBe(0)
    expect(second.stdout).toBe('FAILED  away  -  -  -\n')

    await ingest(tenant.client, { id: 'forgotten', status: 'FAILED' })
    await withDatabase(app.backend.database.url, (client) =>
      client.query(
        `insert into feed_floors select tenant_id, place, id from feed where tenant_id = $1
        order by place desc, id desc limit 1`,
        [tenant.id],
      ),
    )
    const third = await start(tenant.key)
    await until(() => third.stderr.includes('anew'))
    await until(async () => (await readFile(file, 'utf8')).match(/\n\S+\n$/))
    await ingest(tenant.client, { id: 'new', status: 'FAILED' })
    await until(() => third.stdout !== '')
    expect(await third.stop()).toBe(0)
    expect(third.stderr).toMatch(/^ended {3}CURSOR_EXPIRED: .+\nanew {4}.+\n$/)
    expect(third.stdout).toBe('FAILED  new  -  -  -\n')
  })

  test('stops where its key is not or no longer taken, and where it may not read', async () => {
    file = join(folder, 'refused.log')
    const tenant = await makeTenant(app)
    const unknown = await start('tm_nobody_0000')
    expect(await unknown.ended()).toBe(1)
    expect(unknown.stderr).toMatch(/^ended {3}UNAUTHENTICATED: .+\n$/)

    const { secret: ingesting } = await makeKey(tenant.client, { scopes: ['INGEST'] })
    const forbidden = await start(ingesting)
    expect(await forbidden.ended()).toBe(1)
    expect(forbidden.stderr).toMatch(/^ended {3}FORBIDDEN: .+\n$/)

    const { id, secret } = await makeKey(tenant.client)
    const revoked = await start(secret)
    await untilItWatches()
    await tenant.client.ask(RevokeApiKeyDocument, { id })
    expect(await revoked.ended()).toBe(1)
    expect(revoked.stderr).toMatch(/^ended {3}UNAUTHENTICATED: .+\n$/)

    const other = await makeTenant(app)
    const foreign = await start(other.key)
    expect(await foreign.ended()).toBe(1)
    expect(foreign.stderr).toMatch(/^ended {3}INVALID_INPUT: .+\n$/)
  })
})
