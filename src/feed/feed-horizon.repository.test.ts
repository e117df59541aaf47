import { Client, type Pool } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startLineTo } from '../../test/harness/line.ts'
import { createPostgres, type TestPostgres } from '../../test/harness/postgres.ts'
import { type RecordedLog, recordLog } from '../../test/harness/recorded-log.ts'
import { until } from '../../test/harness/until.ts'
import { isDatabaseOutage } from '../infra/database-errors.ts'
import { createPool } from '../infra/postgres.ts'
import { createFeedHorizonRepository } from './feed-horizon.repository.ts'
import { createFeedHorizon, type FeedHorizon } from './feed-horizon.service.ts'

const stalled = 'live events wait for it'
const over = 'live events wait for no long transaction any more'
const takeXid = 'select pg_current_xact_id()'

/** On a cluster of its own: in that of all tests, others hold the horizon. */
describe('the watch over the horizon of a real cluster', () => {
  let postgres: TestPostgres
  let pool: Pool
  let log: RecordedLog
  let looks: number
  let errors: unknown[]
  let horizon: FeedHorizon
  let clients: Client[]

  beforeAll(async () => {
    postgres = await createPostgres({ settings: { autovacuum: 'off', max_prepared_transactions: '2' } })
    // Before anybody watches: it may take long enough to be warned of.
    const admin = new Client({ connectionString: postgres.adminUrl })
    await admin.connect()
    await admin.query('create database elsewhere owner tracemend')
    await admin.end()
  })
  afterAll(() => postgres.end())

  beforeEach(() => {
    log = recordLog()
    looks = 0
    errors = []
    clients = []
    pool = createPool({ databaseUrl: postgres.url, operationMs: 30_000, logger: log.logger })
    const repository = createFeedHorizonRepository(pool)
    horizon = createFeedHorizon({
      horizon: { look: () => repository.look().finally(() => looks++) },
      logger: log.logger,
      onError: (error) => errors.push(error),
      everyMs: 10,
      warnAfterMs: 200,
      warnAgainMs: 100,
    })
    horizon.watch()
  })
  afterEach(async () => {
    await horizon.close()
    await pool.end()
    await Promise.all(clients.map((client) => client.end()))
    expect(errors).toEqual([])
  })

  async function connect(url = postgres.url, name = 'forgotten'): Promise<Client> {
    const client = new Client({ connectionString: url, application_name: name })
    await client.connect()
    clients.push(client)
    return client
  }

  function pidOf(client: Client): number {
    return (client as unknown as { processID: number }).processID
  }

  async function nextLooks(): Promise<void> {
    const before = looks
    await until(() => looks >= before + 3)
  }

  /** Waits for the warning and says what it names; then lets it end. */
  async function seeStall(end: () => Promise<unknown>): Promise<Record<string, unknown>> {
    await until(() => log.said(stalled).length > 1)
    expect(horizon.stalledSeconds()).toBeGreaterThan(0.2)
    expect(log.said(over)).toEqual([])
    await end()
    const [ended] = await until(() => log.said(over).length > 0 && log.said(over))
    expect(ended).toMatchObject({ level: 30 })
    expect(ended?.stalledSeconds).toBeGreaterThanOrEqual(0.2)
    await nextLooks()
    expect(horizon.stalledSeconds()).toBe(0)
    expect(log.said(over)).toHaveLength(1)
    const [warning] = log.said(stalled)
    expect(warning?.level).toBe(40)
    return warning?.transaction as Record<string, unknown>
  }

  test('says nothing while nothing holds it', async () => {
    await nextLooks()
    expect(horizon.stalledSeconds()).toBe(0)
    expect(log.lines).toEqual([])
  })

  test('says which transaction has not ended, again and again, and when it has', async () => {
    const client = await connect()
    const began = Date.now()
    await client.query('begin')
    await client.query(`${takeXid} /* ${'x'.repeat(300)} */`)
    const { since, xid, ...transaction } = await seeStall(() => client.query('commit'))
    expect(transaction).toEqual({
      pid: pidOf(client),
      application: 'forgotten',
      user: 'tracemend',
      database: 'tracemend',
      state: 'idle in transaction',
      query: `${takeXid} /* ${'x'.repeat(300)} */`.slice(0, 200),
    })
    expect(xid).toMatch(/^\d+$/)
    expect(Math.abs(Date.parse(String(since)) - began)).toBeLessThan(5_000)
  })

  test('sees one in another database', async () => {
    const url = new URL(postgres.url)
    url.pathname = '/elsewhere'
    const client = await connect(url.toString())
    await client.query('begin; create table somewhere ()')
    const transaction = await seeStall(() => client.query('rollback'))
    expect(transaction).toMatchObject({ pid: pidOf(client), database: 'elsewhere' })
  })

  test('sees a prepared one, which has no session', async () => {
    const client = await connect()
    await client.query(`begin; ${takeXid}; prepare transaction 'left alone'`)
    const transaction = await seeStall(() => client.query(`rollback prepared 'left alone'`))
    expect(transaction).toMatchObject({
      gid: 'left alone',
      user: 'tracemend',
      database: 'tracemend',
      state: 'prepared',
    })
    expect(transaction).not.toHaveProperty('pid')
  })

  test('does not count one that has written nothing', async () => {
    const client = await connect()
    await client.query('begin isolation level repeatable read; select count(*) from pg_class')
    await nextLooks()
    const later = performance.now()
    await nextLooks()
    expect(horizon.stalledSeconds()).toBe(0)
    // From then on it does, but not for what it did before.
    await client.query(takeXid)
    await until(() => horizon.stalledSeconds() > 0)
    expect(horizon.stalledSeconds()).toBeLessThan((performance.now() - later) / 1_000)
    await client.query('rollback')
    await until(() => horizon.stalledSeconds() === 0)
  })

  test('notices one of a role that it may not look at, and says of it what it may know', async () => {
    const client = await connect(postgres.adminUrl)
    await client.query(`begin; ${takeXid}`)
    const { since, xid, ...transaction } = await seeStall(() => client.query('rollback'))
    expect(transaction).toEqual({
      pid: pidOf(client),
      application: 'forgotten',
      user: 'postgres',
      database: 'postgres',
    })
    expect([typeof since, typeof xid]).toEqual(['string', 'string'])
  })

  test('an unreachable or silent database is an outage, and soon', async () => {
    const { line, url } = await startLineTo(postgres.url)
    const far = createPool({ databaseUrl: url, operationMs: 30_000, logger: recordLog().logger })
    const repository = createFeedHorizonRepository(far)
    await repository.look()
    line.freeze()
    expect(isDatabaseOutage(await repository.look().catch((error) => error))).toBe(true)
    await line.restore()
    await until(() => repository.look().catch(() => null))
    await line.cut()
    expect(isDatabaseOutage(await repository.look().catch((error) => error))).toBe(true)
    await far.end()
    await line.close()
  })
})
