import { randomBytes } from 'node:crypto'
import { access } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type RedisServer, startRedis } from '../scripts/redis-server.ts'
import { createQueue } from '../src/infra/queue.ts'
import { formatApiKey, mintKey, parseApiKey } from '../src/tenants/api-key.ts'
import { retainTenants } from '../src/tenants/tenant.jobs.ts'
import { CreateApiKeyDocument, RevokeApiKeyDocument, ViewerDocument } from './generated/documents.ts'
import { createEmptyDatabase, type TestDatabase, withDatabase } from './harness/database.ts'
import { createGraphQLClient } from './harness/graphql-client.ts'
import { createPrograms, type Entry, type Program, type Programs } from './harness/program.ts'
import { recordLog } from './harness/recorded-log.ts'
import { until } from './harness/until.ts'

describe('processes on a database of their own', { timeout: 120_000 }, () => {
  let database: TestDatabase
  let redis: RedisServer | null
  let programs: Programs
  let settings: Record<string, string>

  beforeEach(async () => {
    database = await createEmptyDatabase()
    redis = process.env.TEST_WITH === 'redis' ? await startRedis() : null
    programs = await createPrograms()
    settings = {
      DATABASE_URL: database.url,
      TRACEMEND_SECRET: randomBytes(32).toString('base64'),
      ...(redis && { REDIS_URL: redis.url }),
    }
  })
  afterEach(async () => {
    await programs.end()
    await redis?.stop()
    await database.drop()
  })

  function start(more: Record<string, string> = {}, entry: Entry = 'src/main.ts'): Program {
    return programs.start({ ...settings, ...more }, entry)
  }

  async function clientOf(program: Program, key: string | null) {
    return createGraphQLClient(await program.address(), key)
  }

  /** It ends with 1 and one message, which is returned; no stack, and nothing secret. */
  async function refusal(program: Program): Promise<string> {
    expect(await program.ended()).toBe(1)
    expect(program.stdout).toBe('')
    expect(program.stderr.match(/could not start/g)).toHaveLength(1)
    expect(program.stderr).not.toMatch(/\n\s+at /)
    expect(program.stderr).not.toContain(new URL(database.url).password)
    expect(program.stderr).not.toContain(settings.TRACEMEND_SECRET)
    return program.stderr
  }

  test('ten start at once on an empty one, and make one tenant and one key', async () => {
    const all = Array.from({ length: 10 }, (_, number) => start({}, number % 2 ? 'start.ts' : 'src/main.ts'))
    await Promise.all(all.map((program) => program.address()))
    const keys = all.map((program) => program.firstKey()).filter((key) => key !== null)
    expect(keys).toHaveLength(1)
    for (const program of all) {
      const client = await clientOf(program, keys[0] ?? '')
      expect(await client.ask(ViewerDocument)).toMatchObject({ viewer: { tenant: { slug: 'default' } } })
    }
    await withDatabase(database.url, async (client) => {
      expect((await client.query('select id from tenants')).rows).toHaveLength(1)
      expect((await client.query('select id from api_keys')).rows).toHaveLength(1)
    })
  }, 180_000)

  test('a worker that is there first says the key', async () => {
    const worker = start({}, 'workers/main.ts')
    const key = await until(() => worker.firstKey())
    const client = await clientOf(start(), key)
    expect(await client.ask(ViewerDocument)).toMatchObject({ viewer: { tenant: { slug: 'default' } } })
  })

  test('the key of TRACEMEND_OPERATOR_KEY works after every start and is never said', async () => {
    const key = formatApiKey(mintKey())
    const secret = parseApiKey(key)?.secret ?? ''
    for (const round of [1, 2]) {
      const program = start({ TRACEMEND_OPERATOR_KEY: key, TRACEMEND_LOG_LEVEL: 'trace' })
      const { viewer } = await (await clientOf(program, key)).ask(ViewerDocument)
      expect(viewer.scopes, `round ${round}`).toContain('OPERATOR')
      expect(program.stdout + program.stderr).not.toContain(secret)
      expect(await program.stop()).toBe(0)
    }
    await withDatabase(database.url, async (client) => {
      expect((await client.query('select id from api_keys')).rows).toHaveLength(1)
    })
  })

  test('a new secret for the same operator key replaces the old one, and a revoked key stays revoked', async () => {
    const { id, secret } = mintKey()
    const first = start({ TRACEMEND_OPERATOR_KEY: formatApiKey({ id, secret }) })
    await first.address()
    const renewed = formatApiKey({ id, secret: mintKey().secret })
    const second = start({ TRACEMEND_OPERATOR_KEY: renewed })
    const client = await clientOf(second, renewed)
    const { createApiKey } = await client.ask(CreateApiKeyDocument, {
      input: { name: 'Another', scopes: ['ADMIN', 'OPERATOR'] },
    })
    const old = await clientOf(second, formatApiKey({ id, secret }))
    expect(await old.refusal(ViewerDocument)).toMatchObject({ extensions: { code: 'UNAUTHENTICATED' } })
    const other = await clientOf(second, createApiKey.secret)
    await other.ask(RevokeApiKeyDocument, { id })
    const third = start({ TRACEMEND_OPERATOR_KEY: renewed })
    const revoked = await clientOf(third, renewed)
    expect(await revoked.refusal(ViewerDocument)).toMatchObject({ extensions: { code: 'UNAUTHENTICATED' } })
    expect(third.logged('was revoked')).toHaveLength(1)
  })

  test('another TRACEMEND_SECRET than before is refused', async () => {
    const program = start()
    await program.address()
    const other = start({ TRACEMEND_SECRET: randomBytes(32).toString('base64') })
    expect(await refusal(other)).toContain('TRACEMEND_SECRET is not the one')
  })

  test('one that does not answer is tried for a while', async () => {
    const url = new URL(database.url)
    url.port = '9'
    const program = start({ DATABASE_URL: url.href, TRACEMEND_DATABASE_WAIT_MS: '600' })
    const message = await refusal(program)
    expect(message).toContain('127.0.0.1:9')
    expect(message).toContain('ECONNREFUSED')
    expect(message).toContain('TRACEMEND_DATABASE_WAIT_MS')
    expect(program.logged('waiting for the database').length).toBeGreaterThan(0)
  })

  test.each([
    { wrong: 'the password', parts: { password: 'wrong' }, said: /password authentication failed/ },
    { wrong: 'the database', parts: { pathname: '/missing' }, said: /"missing" does not exist/ },
  ])('where $wrong is wrong, it does not wait', async ({ parts, said }) => {
    const url = new URL(database.url)
    Object.assign(url, parts)
    const program = start({ DATABASE_URL: url.href, TRACEMEND_DATABASE_WAIT_MS: '600000' })
    expect(await refusal(program)).toMatch(said)
    expect(program.logged('waiting for the database')).toEqual([])
  })

  test('a signal ends the waiting', async () => {
    const program = start({ DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none', TRACEMEND_DATABASE_WAIT_MS: '600000' })
    await until(() => program.logged('waiting for the database').length > 0)
    expect(await program.stop()).toBe(0)
  })

  test('one that a newer program made is refused and left as it is', async () => {
    const program = start()
    await program.address()
    await program.stop()
    await withDatabase(database.url, (client) =>
      client.query(
        `insert into _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)
         values ('future', '', '29990101000000_future', now(), 1)`,
      ),
    )
    const before = await contents(database.url)
    const key = formatApiKey(mintKey())
    expect(await refusal(start({ TRACEMEND_OPERATOR_KEY: key }))).toMatch(
      /newer than this program.*29990101000000_future/,
    )
    expect(await refusal(start({}, 'workers/main.ts'))).toContain('newer than this program')
    expect(await contents(database.url)).toEqual(before)
  })

  test('a worker without DATABASE_URL is told what it lacks, and touches nothing', async () => {
    const program = programs.start({}, 'workers/main.ts')
    expect(await refusal(program)).toMatch(/DATABASE_URL.*TRACEMEND_SECRET/)
    await expect(access(programs.dataFolder)).rejects.toThrow('ENOENT')
  })

  test('all mistakes in the configuration are told at once, without any secret', async () => {
    const program = programs.start({
      PORT: '70000',
      DATABASE_URL: 'mysql://root:hunter2@somewhere/db',
      TRACEMEND_OPERATOR_KEY: 'tm_short_hunter3',
      TRACEMEND_WORKERS: 'many',
      TRACEMEND_MAX_PAGE_SIZE: 'big',
      TRACEMEND_TYPO: '1',
    })
    const message = await refusal(program)
    const names = ['PORT', 'DATABASE_URL', 'TRACEMEND_OPERATOR_KEY', 'TRACEMEND_WORKERS', 'TRACEMEND_MAX_PAGE_SIZE']
    for (const name of [...names, 'TRACEMEND_TYPO', 'TRACEMEND_SECRET']) expect(message).toContain(`  ${name}: `)
    expect(message).not.toContain('hunter')
  })

  test('without workers a job waits, until a worker process does it, and another after that was killed', async () => {
    const api = start({ TRACEMEND_WORKERS: 'none' }, 'start.ts')
    await api.address()
    const options = { databaseUrl: database.url, redisUrl: redis?.url ?? null, logger: recordLog().logger }
    const queue = await createQueue({ ...options, jobs: [retainTenants] })
    try {
      await queue.add(retainTenants, {})
      expect(await queue.depth()).toMatchObject({ waiting: 1, active: 0 })
      const worker = start({}, 'workers/main.ts')
      await queue.drain()
      await until(() => worker.stdout.includes('works off jobs'))
      await worker.stop('SIGKILL')
      await queue.add(retainTenants, {})
      const heir = start({}, 'workers/main.ts')
      await queue.drain()
      expect(await queue.depth()).toMatchObject({ waiting: 0, active: 0, failed: 0 })
      await until(() => heir.stdout.includes('works off jobs'))
      expect(await heir.stop()).toBe(0)
    } finally {
      await queue.close()
    }
  })
})

/** Every row of every table of ours. */
async function contents(url: string): Promise<unknown> {
  return withDatabase(url, async (client) => {
    const tables = await client.query(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables
       where schemaname not in ('pg_catalog', 'information_schema') order by 1`,
    )
    const rows: Record<string, unknown> = {}
    for (const { name } of tables.rows) rows[name] = (await client.query(`select * from ${name} order by 1`)).rows
    return rows
  })
}
