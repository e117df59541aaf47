import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { retainTenants } from '../src/tenants/tenant.jobs.ts'
import {
  CountTracesDocument,
  CreatePlaygroundSessionDocument,
  DeleteTracesDocument,
  PlaygroundSessionsDocument,
  SetTraceOutcomeDocument,
  TraceDocument,
  TraceIdsDocument,
  UpdatePlaygroundModelDocument,
} from './generated/documents.ts'
import { withDatabase } from './harness/database.ts'
import { freshId, ingest, llmSpan } from './harness/ingest.ts'
import { playWith } from './harness/playing.ts'
import { makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'

const tables = ['traces', 'trace_contents', 'spans', 'span_contents', 'search_entries', 'search_due']
const dayMs = 86_400_000

let app: TestApp

beforeAll(async () => {
  app = await startTestApp({ workers: true })
})
afterAll(() => app.close())

/** How many rows each table has of a tenant. */
async function countRows(tenantId: string): Promise<Record<string, number>> {
  return withDatabase(app.backend.database.url, async (client) => {
    const counts = tables.map((table) => `(select count(*)::int from ${table} where tenant_id = $1) as ${table}`)
    return (await client.query(`select ${counts.join(', ')}`, [tenantId])).rows[0]
  })
}

const nothing = Object.fromEntries(tables.map((table) => [table, 0]))

async function fill({ client }: TestTenant, ...ids: string[]): Promise<void> {
  const spans = [llmSpan('1', { input: 'a unique needle' }), llmSpan('2', { parentId: '1', output: 'found' })]
  await ingest(client, ...ids.map((id) => ({ id, name: 'a removable trace', messages: ['haystack'], spans })))
}

async function found({ client }: Pick<TestTenant, 'client'>, search: string): Promise<string[]> {
  const { traces } = await client.ask(TraceIdsDocument, { filter: { search } })
  return traces.nodes.map(({ id }) => id).sort()
}

describe('deleteTraces', () => {
  test('leaves nothing behind that anything could show, and nothing else is touched', async () => {
    const tenant = await makeTenant(app)
    const other = await makeTenant(app)
    const [gone, kept] = [freshId(), freshId()]
    await fill(tenant, gone, kept)
    await fill(other, gone)
    await app.drain()
    expect(await found(tenant, 'needle')).toEqual([gone, kept].sort())

    const { deleteTraces } = await tenant.client.ask(DeleteTracesDocument, { ids: [gone, gone, 'unknown'] })
    expect(deleteTraces).toBe(1)
    expect((await tenant.client.ask(TraceDocument, { id: gone })).trace).toBeNull()
    for (const search of ['needle', 'removable', 'haystack']) expect(await found(tenant, search)).toEqual([kept])
    expect((await tenant.client.ask(CountTracesDocument, {})).traces.totalCount).toBe(1)
    expect(await found(other, 'needle')).toEqual([gone])

    await tenant.client.ask(DeleteTracesDocument, { ids: [kept] })
    expect(await countRows(tenant.id)).toEqual(nothing)
  })

  test('takes with it what the playground made of them, and of that', async () => {
    const { client, id: tenantId } = await makeTenant(app)
    const playing = playWith(client)
    const [gone, kept] = [freshId(), freshId()]
    const messages = [{ role: 'user', content: 'my secret needle' }]
    await ingest(client, ...[gone, kept].map((id) => ({ id, messages })))
    async function openAndRun(traceId: string) {
      const { createPlaygroundSession } = await client.ask(CreatePlaygroundSessionDocument, { input: { traceId } })
      const sessionId = createPlaygroundSession.id
      await client.ask(UpdatePlaygroundModelDocument, { sessionId, model: { provider: 'demo', name: 'demo' } })
      return (await playing.ended(await playing.start(sessionId))).trace?.id ?? ''
    }
    const ofRun = await openAndRun(gone)
    const ofItsRun = await openAndRun(ofRun)
    const ofKept = await openAndRun(kept)
    await app.drain()
    expect(await found({ client }, 'needle')).toEqual([gone, kept, ofRun, ofItsRun, ofKept].sort())

    const { deleteTraces } = await client.ask(DeleteTracesDocument, { ids: [gone] })
    expect(deleteTraces).toBe(1)
    expect(await found({ client }, 'needle')).toEqual([kept, ofKept].sort())
    const { playgroundSessions } = await client.ask(PlaygroundSessionsDocument, {})
    expect(playgroundSessions.totalCount).toBe(1)
    await withDatabase(app.backend.database.url, async (database) => {
      const { rows } = await database.query('select from playground_runs where tenant_id = $1', [tenantId])
      expect(rows).toHaveLength(1)
    })
  })

  test('what was not indexed yet is never indexed', async () => {
    const tenant = await makeTenant(app)
    const ids = Array.from({ length: 20 }, () => freshId())
    await fill(tenant, ...ids)
    await tenant.client.ask(DeleteTracesDocument, { ids })
    await app.drain()
    expect(await countRows(tenant.id)).toEqual(nothing)
  })

  test('beside batches of the same trace: each ends whole, or is made anew by what came after', async () => {
    const tenant = await makeTenant(app)
    const id = freshId()
    const span = (n: number) => ingest(tenant.client, { id, spans: [llmSpan(`${n}`, { input: 'x' })] })
    const remove = () => tenant.client.ask(DeleteTracesDocument, { ids: [id] })
    await Promise.all(Array.from({ length: 60 }, (_, n) => (n % 6 === 5 ? remove() : span(n))))
    await app.drain()
    const { spans, span_contents: contents } = await countRows(tenant.id)
    const { trace } = await tenant.client.ask(TraceDocument, { id })
    expect(spans).toBe(trace?.spanCount ?? 0)
    expect(contents).toBe(spans)
    await remove()
    await app.drain()
    expect(await countRows(tenant.id)).toEqual(nothing)
  })
})

describe('retention', () => {
  test('removes what is older, by when it happened or, dated ahead, by when it came; in batches', async () => {
    const tenant = await makeTenant(app, { retentionDays: 30 })
    const at = (days: number) => new Date(Date.now() - days * dayMs).toISOString()
    const [old, young, ahead] = [freshId('old'), freshId('young'), freshId('ahead')]
    await ingest(
      tenant.client,
      { id: old, startedAt: at(31), spans: [llmSpan('1', { input: 'x' })] },
      { id: young, startedAt: at(29), spans: [llmSpan('1')] },
      { id: ahead, startedAt: '9999-01-01T00:00:00Z', spans: [llmSpan('1')] },
    )
    // More than one batch, each with as many spans as a batch has rows.
    for (let n = 0; n < 8; n++) {
      const spans = Array.from({ length: 1_000 }, (_, s) => ({ id: `${s}`, name: 'n', input: s }))
      await ingest(tenant.client, { id: freshId('old'), startedAt: at(40 + n), spans })
    }
    await app.drain()
    const retain = async () => {
      await app.queue.add(retainTenants, {})
      await app.drain()
    }
    const ids = async () => (await tenant.client.ask(TraceIdsDocument, {})).traces.nodes.map(({ id }) => id)
    await retain()
    expect(await ids()).toEqual([ahead, young])
    expect(await countRows(tenant.id)).toMatchObject({ traces: 2, spans: 2, span_contents: 0 })

    await withDatabase(app.backend.database.url, (client) =>
      client.query(`update traces set created_at = now() - interval '31 days' where id = $1`, [ahead]),
    )
    await retain()
    expect(await ids()).toEqual([young])
  })
})

describe('setTraceOutcome', () => {
  test('wins over what clients send, before and after; null gives it back to them', async () => {
    const { client } = await makeTenant(app)
    const id = freshId()
    await ingest(client, { id, success: true, outcome: 'resolved' })
    const set = async (variables: object) =>
      (await client.ask(SetTraceOutcomeDocument, { traceId: id, success: false, ...variables })).setTraceOutcome
    expect(await set({ outcome: 'wrong answer' })).toEqual({ id, success: false, outcome: 'wrong answer' })
    await ingest(client, { id, success: true, outcome: 'resolved after all, says the agent' })
    expect((await client.ask(TraceDocument, { id })).trace).toMatchObject({ success: false, outcome: 'wrong answer' })
    expect(await set({ success: true })).toEqual({ id, success: true, outcome: 'wrong answer' })
    expect(await set({ outcome: null })).toMatchObject({ outcome: 'resolved after all, says the agent' })
    const refusal = await client.refusal(SetTraceOutcomeDocument, {
      traceId: id,
      success: true,
      outcome: 'x'.repeat(201),
    })
    expect(refusal.extensions).toMatchObject({ code: 'INVALID_INPUT', field: 'outcome' })
    const unknown = await client.refusal(SetTraceOutcomeDocument, { traceId: 'nothing', success: true })
    expect(unknown.extensions).toMatchObject({ code: 'NOT_FOUND', field: 'traceId' })
  })
})
