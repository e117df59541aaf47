import { setImmediate as nextTurn } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type RedisServer, startRedis } from '../scripts/redis-server.ts'
import { feedTopic } from '../src/feed/feed.ts'
import { createBus } from '../src/infra/bus.ts'
import { SpanEventsDocument, TraceEventKindsDocument, type TraceEventKindsSubscription } from './generated/documents.ts'
import { withDatabase } from './harness/database.ts'
import { readFeedRows } from './harness/feed-rows.ts'
import type { GraphQLClient } from './harness/graphql-client.ts'
import { freshId, ingest, post } from './harness/ingest.ts'
import { type Line, startLineTo } from './harness/line.ts'
import { type Live, transports } from './harness/live-client.ts'
import { createPostgres, type TestPostgres } from './harness/postgres.ts'
import { naming, recordStatements } from './harness/statements.ts'
import { makeTenant, type TestTenant } from './harness/tenant.ts'
import { createBackend, startTestApp, type TestApp, type TestBackend } from './harness/test-app.ts'
import { until } from './harness/until.ts'

type Watching = Live<TraceEventKindsSubscription>

let watchers: Watching[] = []

function watch(app: TestApp, key: string, after: string | null, transport = transports[0]): Watching {
  const live = (transport ?? never()).subscribe({ url: app.url, key }, TraceEventKindsDocument, { after })
  watchers.push(live)
  return live
}

/** Over both transports at each of them. */
function watchAll(apps: readonly TestApp[], key: string, after: string | null): Watching[] {
  return apps.flatMap((app) => transports.map((transport) => watch(app, key, after, transport)))
}

function never(): never {
  throw new Error('there is no such transport')
}

afterEach(async () => {
  for (const each of watchers) await each.close()
  watchers = []
})

function toldTo({ results }: Watching): string[] {
  return results.map(({ data, errors }) =>
    data ? `${data.traceEvents.kind} ${data.traceEvents.traceId}` : JSON.stringify(errors),
  )
}

/** What the feed says of the tenant, from the cursor of its first trace on. */
async function stored(database: { url: string }, tenant?: TestTenant): Promise<string[]> {
  const rows = await readFeedRows(database.url, tenant?.id)
  return rows.slice(1).map(({ kind, traceId }) => `${kind} ${traceId}`)
}

/** Each of them has been told all, in order and once, and goes on. */
async function expectToldAll(database: { url: string }, watching: readonly Watching[], tenant?: TestTenant) {
  const all = await stored(database, tenant)
  await until(() => watching.every(({ results }) => results.length >= all.length))
  for (const each of watching) {
    expect(toldTo(each)).toEqual(all)
    expect(each.ended).toBe(false)
  }
}

/** One trace after the other, each sent until there is a receipt for it. */
function keepWriting(client: GraphQLClient): { ids: string[]; stop(): Promise<void> } {
  const ids: string[] = []
  let isStopped = false
  async function write(): Promise<void> {
    while (!isStopped) {
      const id = freshId()
      await until(async () => (await post(client, { traces: [{ id }] })).status === 200)
      ids.push(id)
    }
  }
  const writing = Promise.all([write(), write(), write()])
  return {
    ids,
    async stop() {
      isStopped = true
      await writing
    },
  }
}

describe('processes on one database', () => {
  let backend: TestBackend
  let one: TestApp
  let other: TestApp
  let deaf: TestApp
  let tenant: TestTenant
  let cursor: string
  /** Where the backend's own was killed, the one that came after it. */
  let redisAgain: RedisServer | undefined

  beforeAll(async () => {
    backend = await createBackend()
    one = await startTestApp({ backend })
    other = await startTestApp({ backend })
    deaf = await startTestApp({ backend, isDeaf: true })
  })
  beforeEach(async () => {
    tenant = await makeTenant(one)
    cursor = (await ingest(tenant.client, { id: freshId() })).cursor
  })
  afterAll(async () => {
    for (const app of [deaf, other, one]) await app.close()
    await redisAgain?.stop()
    await backend.close()
  })

  test.each(transports)('what comes in at one is told by the other at once, over $name', async (transport) => {
    const live = watch(other, tenant.key, cursor, transport)
    const begun = Date.now()
    for (let count = 1; count <= 20; count++) {
      await ingest(tenant.client, { id: freshId() })
      await until(() => live.results.length === count)
    }
    // By the slow poll it would be 100 seconds.
    expect(Date.now() - begun).toBeLessThan(20_000)
    await expectToldAll(backend.database, [live], tenant)
  })

  test.each(transports)('where no wake-up arrives, the slow poll tells all, over $name', async (transport) => {
    const live = watch(deaf, tenant.key, cursor, transport)
    for (let count = 0; count < 2; count++) {
      for (let n = 0; n < 5; n++) await ingest(tenant.client, { id: freshId() })
      await expectToldAll(backend.database, [live], tenant)
    }
  })

  test('a cursor of one goes on at the other, over either transport', async () => {
    const ids = Array.from({ length: 30 }, () => freshId())
    const told: string[] = []
    let after = cursor
    const writing = (async () => {
      for (const id of ids) await ingest(tenant.client, { id })
    })()
    for (let turn = 0; told.length < ids.length; turn++) {
      const app = [one, other, deaf][turn % 3] as TestApp
      const live = watch(app, tenant.key, after, transports[Math.floor(turn / 3) % 2])
      await until(() => live.results.length > 0)
      const taken = live.results.slice(0, 3)
      told.push(...taken.map(({ data }) => `${data?.traceEvents.kind} ${data?.traceEvents.traceId}`))
      after = taken.at(-1)?.data?.traceEvents.cursor ?? never()
      await live.close()
    }
    await writing
    expect(told).toEqual(ids.map((id) => `CREATED ${id}`))
    expect(told).toEqual(await stored(backend.database, tenant))
  })

  test('a trace that comes in at both at once is created once and finished once, and told alike by both', async () => {
    const clients = [one.client(tenant.key), other.client(tenant.key)] as const
    const watching = watchAll([one, other], tenant.key, cursor)
    const id = freshId()
    const spans = [one, other].flatMap((app) =>
      transports.map((transport) =>
        transport.subscribe({ url: app.url, key: tenant.key }, SpanEventsDocument, { traceId: id, after: cursor }),
      ),
    )
    const pieces = Array.from({ length: 40 }, (_, n) => ({
      id,
      spans: [
        { id: 'root', name: 'root' },
        { id: `${n % 20}`, parentId: 'root', name: `step ${n}` },
      ],
    }))
    await Promise.all(pieces.map((piece, n) => ingest(clients[n % 2] ?? never(), piece)))
    await Promise.all(clients.map((client) => ingest(client, { id, status: 'COMPLETED' })))
    await expectToldAll(backend.database, watching, tenant)
    const kinds = toldTo(watching[0] ?? never()).map((told) => told.split(' ')[0])
    expect(kinds[0]).toBe('CREATED')
    expect(kinds.filter((kind) => kind === 'CREATED')).toHaveLength(1)
    expect(kinds.filter((kind) => kind === 'FINISHED')).toHaveLength(1)
    const [first, ...others] = spans.map(
      ({ results }) =>
        () =>
          results.map(({ data }) => data?.spanEvents.spanId),
    )
    await until(() => new Set(first?.()).size === 21 && others.every((each) => each().length === first?.().length))
    for (const each of others) expect(each()).toEqual(first?.())
    for (const each of spans) await each.close()
  })

  test('ten thousand wake-ups, and four hundred requests, are few looks at the feed, however many watch', async () => {
    const watching = Array.from({ length: 10 }, () => watchAll([one, other], tenant.key, cursor)).flat()
    await ingest(tenant.client, { id: freshId() })
    await until(() => watching.every(({ results }) => results.length === 1))
    const looksOf = async (run: () => Promise<void>) => {
      const { texts } = await recordStatements(run)
      return naming('feed', texts).filter((text) => text.includes('pg_snapshot_xmin')).length
    }

    const { logger } = one.log
    const bus = await createBus({ databaseUrl: backend.database.url, redisUrl: backend.redis?.url ?? null, logger })
    const looksForNothing = await looksOf(async () => {
      for (let wakes = 0; wakes < 10_000; wakes++) {
        bus.wake(feedTopic(tenant.id))
        if (wakes % 10 === 0) await nextTurn()
      }
      await bus.drain()
    })
    await bus.close()
    expect(looksForNothing).toBeLessThan(2_000)

    const requests = 400
    const writeSome = async () => {
      for (let n = 0; n < requests / 20; n++) await post(tenant.client, { traces: [{ id: freshId() }] })
    }
    const looks = await looksOf(async () => {
      await Promise.all(Array.from({ length: 20 }, writeSome))
      await until(() => watching.every(({ results }) => results.length === 1 + requests))
    })
    // Twenty watch at each of two processes: if each looked for itself, there would be 16,000.
    expect(looks).toBeLessThan(4 * requests)
    await expectToldAll(backend.database, watching, tenant)
  })

  test.runIf(process.env.TEST_WITH === 'redis')(
    'Redis may forget everything, and be killed and come back',
    async () => {
      const watching = watchAll([one, other], tenant.key, cursor)
      await ingest(tenant.client, { id: freshId() })
      await until(() => watching.every(({ results }) => results.length === 1))
      const writing = keepWriting(other.client(tenant.key))
      const redis = new Redis(backend.redis?.url ?? '')
      for (let round = 1; round <= 10; round++) {
        await redis.flushall()
        await until(() => watching.every(({ results }) => results.length > round * 10))
      }
      redis.disconnect()
      for (let round = 0; round < 3; round++) {
        await (redisAgain ?? backend.redis)?.kill()
        const { length } = writing.ids
        await until(() => writing.ids.length > length + 10)
        // What happens while nobody can be woken is told all the same.
        await until(() => watching.every(({ results }) => results.length > length + 10))
        redisAgain = await startRedis({ port: backend.redis?.port })
      }
      await writing.stop()
      await expectToldAll(backend.database, watching, tenant)
      expect(writing.ids.length).toBeLessThanOrEqual((await stored(backend.database, tenant)).length)
    },
  )
})

describe('where the database goes away under open subscriptions', { timeout: 120_000 }, () => {
  let backend: TestBackend
  let line: Line
  let lined: TestApp
  let direct: TestApp
  let tenant: TestTenant
  let cursor: string

  beforeAll(async () => {
    backend = await createBackend()
    const over = await startLineTo(backend.database.url)
    line = over.line
    lined = await startTestApp({ backend, config: { databaseUrl: over.url }, limits: { operationMs: 500 } })
    direct = await startTestApp({ backend })
  })
  beforeEach(async () => {
    tenant = await makeTenant(direct)
    cursor = (await ingest(tenant.client, { id: freshId() })).cursor
  })
  afterAll(async () => {
    await line.restore()
    await lined.close()
    await line.close()
    await direct.close()
    await backend.close()
  })

  async function subscribed(apps: TestApp[]): Promise<Watching[]> {
    const watching = watchAll(apps, tenant.key, cursor)
    await ingest(tenant.client, { id: freshId() })
    await until(() => watching.every(({ results }) => results.length === 1))
    return watching
  }

  async function untilWritten({ ids }: { ids: string[] }, more: number): Promise<void> {
    const { length } = ids
    await until(() => ids.length >= length + more)
  }

  test('lines that are cut again and again: they stay open, and nothing is lost or told twice', async () => {
    const watching = await subscribed([lined])
    const writing = keepWriting(direct.client(tenant.key))
    for (let round = 0; round < 5; round++) {
      await line.cut()
      await untilWritten(writing, 20)
      await line.restore()
      const { length } = writing.ids
      await until(() => watching.every(({ results }) => results.length > length))
    }
    await writing.stop()
    await expectToldAll(backend.database, watching, tenant)
  })

  test('a line on which nothing passes any more: likewise', async () => {
    const watching = await subscribed([lined])
    const writing = keepWriting(direct.client(tenant.key))
    line.freeze()
    const outages = () => lined.log.said('the database of the feed does not answer').length
    const before = outages()
    await until(() => outages() > before)
    await untilWritten(writing, 50)
    await line.cut()
    await line.restore()
    await untilWritten(writing, 50)
    await writing.stop()
    await expectToldAll(backend.database, watching, tenant)
  })

  test('connections that are ended from its side, of both processes, under readers and writers: likewise', async () => {
    const watching = await subscribed([lined, direct])
    const writers = [lined, direct].map((app) => keepWriting(app.client(tenant.key)))
    for (let round = 0; round < 20; round++) {
      await withDatabase(backend.database.url, (client) =>
        client.query(`
          select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`),
      )
      await Promise.all(writers.map((writer) => untilWritten(writer, 5)))
    }
    for (const writer of writers) await writer.stop()
    await expectToldAll(backend.database, watching, tenant)
    const told = toldTo(watching[0] ?? never())
    for (const id of writers.flatMap(({ ids }) => ids)) expect(told).toContain(`CREATED ${id}`)
  })
})

describe('where the database is restarted under open subscriptions', { timeout: 120_000 }, () => {
  let postgres: TestPostgres
  let shared: TestBackend
  let apps: TestApp[] = []

  beforeAll(async () => {
    postgres = await createPostgres()
    shared = await createBackend()
    const backend = { ...shared, database: { url: postgres.url, drop: async () => {} } }
    apps = [await startTestApp({ backend }), await startTestApp({ backend })]
  }, 120_000)
  afterAll(async () => {
    for (const app of apps) await app.close()
    await shared.close()
    await postgres.end()
  })

  test('they stay open, and nothing is lost or told twice', async () => {
    const [one = never(), other = never()] = apps
    const { cursor } = await ingest(one.client(), { id: freshId() })
    const watching = watchAll(apps, shared.operatorKey, cursor)
    const writing = keepWriting(other.client())
    for (let round = 0; round < 3; round++) {
      const { length } = writing.ids
      await until(() => watching.every(({ results }) => results.length > length + 20))
      await postgres.restart()
    }
    const { length } = writing.ids
    await until(() => writing.ids.length > length + 20)
    await writing.stop()
    await expectToldAll(postgres, watching)
    const told = toldTo(watching[0] ?? never())
    for (const id of writing.ids) expect(told).toContain(`CREATED ${id}`)
  })
})
