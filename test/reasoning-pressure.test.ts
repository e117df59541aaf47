import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  DeleteReasoningDocument,
  ReasoningChainDocument,
  ReasoningTracesDocument,
  StoreReasoningDocument,
  VerifyLedgerDocument,
  type VerifyLedgerQuery,
} from './generated/documents.ts'
import { withDatabase } from './harness/database.ts'
import type { GraphQLClient } from './harness/graphql-client.ts'
import { createGraphQLClient } from './harness/graphql-client.ts'
import { freshId, ingest } from './harness/ingest.ts'
import { createPostgres, type TestPostgres } from './harness/postgres.ts'
import { findReasoning, reasoning, storeReasoning } from './harness/reasoning.ts'
import { makeTenant } from './harness/tenant.ts'
import { createBackend, startTestApp, type TestApp, type TestBackend } from './harness/test-app.ts'
import { until } from './harness/until.ts'

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

describe('where the database restarts', { timeout: 120_000 }, () => {
  let postgres: TestPostgres
  let backend: TestBackend
  let app: TestApp

  beforeAll(async () => {
    const first = await createBackend()
    postgres = await createPostgres({ isMigrated: true })
    backend = { ...first, database: { ...first.database, url: postgres.url } }
    app = await startTestApp({ backend, limits: { requestsPerMinute: 0 } })
    await first.database.drop()
  }, 120_000)
  afterAll(async () => {
    await app.close()
    await backend.redis?.stop()
    await postgres.end()
  })

  test('each record is stored once by who sends it until it is answered', async () => {
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
  })
})
