import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RedisServer, startRedis } from '../scripts/redis-server.ts'
import {
  DeleteReasoningDocument,
  ReasoningChainDocument,
  ReasoningTracesDocument,
  SearchReasoningDocument,
  StoreReasoningDocument,
  VerifyLedgerDocument,
  type VerifyLedgerQuery,
} from './generated/documents.ts'
import { withDatabase } from './harness/database.ts'
import { type EncoderServer, startEncoderServer } from './harness/encoder-server.ts'
import type { GraphQLClient } from './harness/graphql-client.ts'
import { createGraphQLClient } from './harness/graphql-client.ts'
import { freshId, ingest } from './harness/ingest.ts'
import { readMetric } from './harness/metrics.ts'
import { createPostgres, type TestPostgres } from './harness/postgres.ts'
import { createPrograms, type Program, type Programs, settingsOf } from './harness/program.ts'
import { findReasoning, reasoning, storeReasoning } from './harness/reasoning.ts'
import { makeTenant } from './harness/tenant.ts'
import { createBackend, startTestApp, type TestApp, type TestBackend } from './harness/test-app.ts'
import { until, untilAtLast } from './harness/until.ts'

function embeddingsOf({ url }: EncoderServer) {
  return { baseUrl: url, model: 'small', apiKey: null }
}

async function isAllEmbedded({ url }: TestApp): Promise<boolean> {
  return (await readMetric(url, 'tracemend_reasoning_backlog')) === 0
}

/** As a minute does: what a worker had taken that is gone, or could not say so, is free again. */
async function passLeases(databaseUrl: string): Promise<void> {
  await withDatabase(databaseUrl, (database) =>
    database.query('update reasoning_due set taken_until = now() where taken_until > now()'),
  )
}

/** Whole, from the first entry to the head. */
async function expectWholeLedger(client: GraphQLClient, entries: number): Promise<void> {
  const { verifyLedger } = await client.ask(VerifyLedgerDocument)
  expect(verifyLedger).toMatchObject({ valid: true, reason: null, checked: entries, endCursor: null })
  expect(verifyLedger.head?.sequence).toBe(entries)
}

describe('of two processes', () => {
  let backend: TestBackend
  let apps: [TestApp, TestApp]

  beforeAll(async () => {
    backend = await createBackend()
    const limits = { requestsPerMinute: 0 }
    apps = [await startTestApp({ backend, limits }), await startTestApp({ backend, limits })]
  })
  afterAll(async () => {
    await Promise.all(apps.map((app) => app.close()))
    await backend.close()
  })

  test('the writers of one ledger make one order, each record once, whoever else sends it', async () => {
    const { client, key } = await makeTenant(apps[0])
    const clients = [client, createGraphQLClient(apps[1].url, key)] as const
    const ids = Array.from({ length: 150 }, (_, index) => `r${index}`)
    const stored = await Promise.all(
      [...ids, ...ids].map((id, index) => storeReasoning(clients[index % 2] as GraphQLClient, { id })),
    )
    const sequences = new Map(stored.map(({ id, ledger }) => [id, ledger.sequence]))
    expect(sequences.size).toBe(ids.length)
    expect(stored.every(({ id, ledger }) => sequences.get(id) === ledger.sequence)).toBe(true)
    expect([...sequences.values()].sort((one, other) => one - other)).toEqual(ids.map((_, index) => index + 1))

    // Some are deleted by both at once, while others are stored.
    const answers = await Promise.all(
      ids
        .slice(0, 40)
        .flatMap((id, index) => [
          ...clients.map((each) => each.send(DeleteReasoningDocument, { id })),
          clients[index % 2]?.send(StoreReasoningDocument, { input: reasoning({ id: `late ${index}` }) }),
        ]),
    )
    const codes = answers.flatMap((answer) => answer?.errors?.map(({ extensions }) => extensions.code) ?? [])
    expect(codes).toEqual(Array(40).fill('NOT_FOUND'))
    const { reasoningTraces } = await client.ask(ReasoningTracesDocument, {})
    expect(reasoningTraces.totalCount).toBe(150)
    await expectWholeLedger(client, 150 + 40 + 40)
  })

  test('nothing but its own writers waits for a ledger that somebody holds', async () => {
    const [held, free] = [await makeTenant(apps[0]), await makeTenant(apps[0])]
    await storeReasoning(held.client)
    const waiting = await withDatabase(backend.database.url, async (database) => {
      await database.query('begin')
      await database.query('select from ledger_heads where tenant_id = $1 for update', [held.id])
      const stores = Array.from({ length: 200 }, (_, index) => storeReasoning(held.client, { id: `r${index}` }))
      let done = 0
      for (const store of stores) void store.then(() => done++)
      const traceId = freshId()
      await ingest(held.client, { id: traceId })
      await storeReasoning(free.client, { id: 'meanwhile' })
      expect((await held.client.ask(ReasoningTracesDocument, {})).reasoningTraces.totalCount).toBe(1)
      expect(await findReasoning(free.client, 'meanwhile')).not.toBeNull()
      expect(done).toBe(0)
      await database.query('commit')
      return stores
    })
    await Promise.all(waiting)
    await expectWholeLedger(held.client, 201)
  })
})

describe('records as large as may be', () => {
  const count = 400
  let app: TestApp
  let client: GraphQLClient

  beforeAll(async () => {
    app = await startTestApp({ limits: { requestsPerMinute: 0 } })
    client = (await makeTenant(app)).client
    await storeReasoning(client, { id: 'root' })
    const large = { observations: Array(5).fill('x'.repeat(18_000)), conclusion: 'large' }
    const ids = Array.from({ length: count }, (_, index) => `r${index}`)
    await Promise.all(ids.map((id) => storeReasoning(client, { id, parentId: 'root', reasoning: large })))
  })
  afterAll(() => app.close())

  test('are verified in pages that are as short as need be', async () => {
    const pages: number[] = []
    for (let after: string | null = null; ; ) {
      const { verifyLedger }: VerifyLedgerQuery = await client.ask(VerifyLedgerDocument, { after })
      expect(verifyLedger).toMatchObject({ valid: true, reason: null })
      pages.push(verifyLedger.checked)
      after = verifyLedger.endCursor ?? null
      if (after === null) break
    }
    expect(pages.length).toBeGreaterThan(3)
    expect(pages.reduce((sum, page) => sum + page)).toBe(count + 1)
  })

  test('are listed with all that they say, and a chain of them is, but for that', async () => {
    const { data } = await client.send('{ reasoningTraces(first: 100) { nodes { observations } } }')
    const observations = Array(5).fill('x'.repeat(18_000))
    expect(data).toEqual({ reasoningTraces: { nodes: Array(100).fill({ observations }) } })
    const { reasoningChain } = await client.ask(ReasoningChainDocument, { id: 'r7' })
    expect(reasoningChain?.children).toHaveLength(count)
    const { errors } = await client.send('{ reasoningChain(id: "r7") { children { observations } } }')
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'QUERY_TOO_COMPLEX', limit: 'reasoning', max: 30_000_000 })
  })
})

describe('a worker process', { timeout: 180_000 }, () => {
  let encoder: EncoderServer
  let backend: TestBackend
  let app: TestApp
  let programs: Programs

  beforeAll(async () => {
    ;[encoder, backend, programs] = await Promise.all([startEncoderServer(), createBackend(), createPrograms()])
    app = await startTestApp({ backend, config: { embeddings: embeddingsOf(encoder) } })
  }, 120_000)
  afterAll(async () => {
    await programs.end()
    await encoder.close()
    await app.close()
    await backend.close()
  })

  function startWorker(): Program {
    const embeddings = { TRACEMEND_EMBEDDINGS_URL: encoder.url, TRACEMEND_EMBEDDINGS_MODEL: 'small' }
    return programs.start({ ...settingsOf(backend), ...embeddings }, 'workers/main.ts')
  }

  test('that is killed while it embeds leaves its records to another one', async () => {
    const { client } = await makeTenant(app)
    encoder.manner = 'hangs'
    const killed = startWorker()
    await Promise.all(Array.from({ length: 20 }, (_, index) => storeReasoning(client, { id: `r${index}` })))
    await storeReasoning(client, { id: 'sea', decision: { type: 'PLAN', summary: 'A hotel by the sea' } })
    await until(() => encoder.requests.length > 0)
    await killed.stop('SIGKILL')
    encoder.manner = 'answers'
    const other = startWorker()
    await passLeases(backend.database.url)
    await untilAtLast(() => isAllEmbedded(app))
    const { searchReasoning } = await client.ask(SearchReasoningDocument, { query: 'where can one swim' })
    expect(searchReasoning[0]?.trace.id).toBe('sea')
    expect(searchReasoning).toHaveLength(10)
    expect(other.logged('failed for good')).toEqual([])
  })
})

describe.runIf(process.env.TEST_WITH === 'redis')('where the queue is lost', { timeout: 180_000 }, () => {
  test('what is stored meanwhile is embedded when it is back', async () => {
    const [encoder, backend] = await Promise.all([startEncoderServer(), createBackend()])
    const app = await startTestApp({ backend, workers: true, config: { embeddings: embeddingsOf(encoder) } })
    try {
      const { client } = await makeTenant(app)
      const storeSome = (from: string) =>
        Promise.all(Array.from({ length: 20 }, (_, index) => storeReasoning(client, { id: `${from} ${index}` })))
      await storeSome('before')
      const { port } = backend.redis as RedisServer
      await backend.redis?.kill()
      await storeSome('meanwhile')
      // It knows nothing any more, neither of jobs nor of schedules.
      backend.redis = await startRedis({ port })
      await storeSome('after')
      await untilAtLast(() => isAllEmbedded(app))
      const { reasoningTraces } = await client.ask(ReasoningTracesDocument, {})
      expect(reasoningTraces.totalCount).toBe(60)
    } finally {
      await encoder.close()
      await app.close()
      await backend.close()
    }
  })
})

describe('where the database restarts', { timeout: 180_000 }, () => {
  let encoder: EncoderServer
  let postgres: TestPostgres
  let backend: TestBackend
  let app: TestApp

  beforeAll(async () => {
    const first = await createBackend()
    postgres = await createPostgres({ isMigrated: true })
    backend = { ...first, database: { ...first.database, url: postgres.url } }
    encoder = await startEncoderServer()
    const config = { embeddings: embeddingsOf(encoder) }
    app = await startTestApp({ backend, workers: true, config, limits: { requestsPerMinute: 0 } })
    await first.database.drop()
  }, 120_000)
  afterAll(async () => {
    await encoder.close()
    await app.close()
    await backend.redis?.stop()
    await postgres.end()
  })

  test('each record is stored once by who sends it until it is answered, and embedded', async () => {
    const { client } = await makeTenant(app)
    const codes = new Set<unknown>()
    async function storeAtLast(id: string) {
      return until(async () => {
        const { data, errors } = await client.send(StoreReasoningDocument, { input: reasoning({ id }) })
        for (const { extensions } of errors ?? []) codes.add(extensions.code)
        return data?.storeReasoning
      })
    }
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let index = 0; index < 40; index++) await storeAtLast(`${writer}/${index}`)
    })
    await until(async () => Number((await client.ask(ReasoningTracesDocument, {})).reasoningTraces.totalCount) > 20)
    await postgres.restart()
    await Promise.all(writers)
    expect([...codes].filter((code) => code !== 'UNAVAILABLE')).toEqual([])
    expect((await client.ask(ReasoningTracesDocument, {})).reasoningTraces.totalCount).toBe(320)
    await expectWholeLedger(client, 320)
    await passLeases(postgres.url)
    await untilAtLast(() => isAllEmbedded(app))
  })
})
