import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { indexTraces } from '../src/traces/trace.jobs.ts'
import { SpanContentsDocument, TraceDocument, TraceIdsDocument, ViewerDocument } from './generated/documents.ts'
import { withDatabase } from './harness/database.ts'
import { freshId, ingest, llmSpan, type PlainAnswer, post } from './harness/ingest.ts'
import { type Line, startLineTo } from './harness/line.ts'
import { createPrograms, type Programs, settingsOf } from './harness/program.ts'
import { makeTenant, type TestTenant } from './harness/tenant.ts'
import { createBackend, startTestApp, type TestApp, type TestBackend } from './harness/test-app.ts'
import { until } from './harness/until.ts'

async function found({ client }: TestTenant, search: string): Promise<string[]> {
  const { traces } = await client.ask(TraceIdsDocument, { filter: { search } })
  return traces.nodes.map(({ id }) => id)
}

describe('where the database goes away under a batch', () => {
  let backend: TestBackend
  let line: Line
  let app: TestApp
  let other: TestApp
  let tenant: TestTenant

  beforeAll(async () => {
    backend = await createBackend()
    const over = await startLineTo(backend.database.url)
    line = over.line
    app = await startTestApp({ backend, config: { databaseUrl: over.url } })
    other = await startTestApp({ backend })
    tenant = await makeTenant(app)
  })
  afterAll(async () => {
    await line.restore()
    await app.close()
    await line.close()
    await other.close()
    await backend.close()
  })

  const spansEach = 5
  const batch = (id: string) => ({
    traces: [{ id, agent: id, spans: Array.from({ length: spansEach }, (_, n) => llmSpan(`${n}`, { input: n })) }],
  })

  /** Sends one trace after another until an answer is no receipt. */
  async function write(answers: Map<string, PlainAnswer>): Promise<void> {
    for (;;) {
      const id = freshId()
      const answer = await post(tenant.client, batch(id))
      answers.set(id, answer)
      if (answer.status !== 200) return
    }
  }

  test('the client hears UNAVAILABLE, nothing is stored in part, and what is sent again counts once', async () => {
    const answers = new Map<string, PlainAnswer>()
    for (let round = 1; round <= 5; round++) {
      const writers = Array.from({ length: 8 }, () => write(answers))
      await until(() => answers.size > round * 40)
      await line.cut()
      await Promise.all(writers)
      await line.restore()
      await until(async () => (await tenant.client.send(ViewerDocument)).status === 200)
    }
    const received = [...answers].filter(([, { status }]) => status === 200)
    for (const [, { status, headers, body }] of answers) {
      if (status === 200) continue
      expect({ status, code: body.errors[0].extensions.code }).toEqual({ status: 503, code: 'UNAVAILABLE' })
      expect(headers.get('retry-after')).toMatch(/^\d+$/)
    }
    let stored = 0
    for (const id of answers.keys()) {
      const { trace } = await tenant.client.ask(SpanContentsDocument, { id })
      const { trace: summed } = await tenant.client.ask(TraceDocument, { id })
      if (trace) stored++
      expect(trace?.spans.nodes.filter(({ input }) => input !== null).length ?? 0).toBe(trace ? spansEach : 0)
      expect(summed?.agent?.name).toBe(trace ? id : undefined)
    }
    expect(stored).toBeGreaterThanOrEqual(received.length)
    expect((await tenant.client.ask(ViewerDocument)).viewer.tenant.usage).toMatchObject({
      traces: stored,
      spans: stored * spansEach,
    })
    for (const id of answers.keys()) expect((await post(tenant.client, batch(id))).status).toBe(200)
    expect((await tenant.client.ask(ViewerDocument)).viewer.tenant.usage).toMatchObject({ traces: answers.size })
    expect(app.log.said('a request met a bug')).toEqual([])
  })
})

describe('the search index', () => {
  let backend: TestBackend
  let app: TestApp
  let tenant: TestTenant
  let programs: Programs

  beforeAll(async () => {
    backend = await createBackend()
    app = await startTestApp({ backend })
    tenant = await makeTenant(app)
    programs = await createPrograms()
  })
  afterAll(async () => {
    await programs.end()
    await app.close()
    await backend.close()
  })

  function startWorker() {
    return programs.start(settingsOf(backend), 'workers/main.ts')
  }

  const indexing = `
    select from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and query like '%delete from search_due%'`

  test('has by and by what a worker was at when it was killed', async () => {
    const worker = startWorker()
    await until(() => worker.stdout.includes('works off jobs'))
    const id = freshId()
    await withDatabase(backend.database.url, async (gate) => {
      await gate.query('begin; lock table search_entries in exclusive mode')
      await ingest(tenant.client, { id, name: 'a survivor', spans: [llmSpan('1', { input: 'pomegranate' })] })
      await withDatabase(backend.database.url, (client) =>
        until(async () => (await client.query(indexing)).rows.length > 0),
      )
      worker.send('SIGKILL')
      await worker.ended()
      await gate.query('commit')
    })
    expect(await found(tenant, 'pomegranate')).toEqual([])
    startWorker()
    // As the sweep does: the job of the dead one counts as lost only after half a minute.
    await app.queue.add(indexTraces, {})
    expect(await until(async () => (await found(tenant, 'pomegranate'))[0])).toBe(id)
    expect(await found(tenant, 'surviv')).toEqual([id])
  })

  test.runIf(process.env.TEST_WITH === 'redis')('catches up where Redis has forgotten everything', async () => {
    for (const worker of [startWorker()]) await until(() => worker.stdout.includes('works off jobs'))
    const redis = new Redis(backend.redis?.url ?? '')
    const [lost, nudged] = [freshId(), freshId()]
    await redis.flushall()
    await ingest(tenant.client, { id: nudged, name: 'after the flood' })
    expect(await until(async () => (await found(tenant, 'flood'))[0])).toBe(nudged)
    await ingest(tenant.client, { id: lost, name: 'under the deluge' })
    await redis.flushall()
    redis.disconnect()
    await app.queue.add(indexTraces, {})
    expect(await until(async () => (await found(tenant, 'deluge'))[0])).toBe(lost)
  })
})

describe('where the line to the database is dead', () => {
  test('ingest ends with UNAVAILABLE when the time for an operation is over, and works again on another', async () => {
    const backend = await createBackend()
    const { line, url } = await startLineTo(backend.database.url)
    const app = await startTestApp({ backend, config: { databaseUrl: url }, limits: { operationMs: 500 } })
    // Closed last, when the line is gone: whoever closes last sees to it that no socket is open.
    const other = await startTestApp({ backend })
    const client = app.client()
    const traces = [{ id: freshId(), spans: [llmSpan('1')] }]
    expect((await post(client, { traces })).status).toBe(200)
    line.freeze()
    const { status, body } = await post(client, { traces })
    expect({ status, code: body.errors[0].extensions.code }).toEqual({ status: 503, code: 'UNAVAILABLE' })
    await line.cut()
    await line.restore()
    await until(async () => (await post(client, { traces })).status === 200)
    await app.close()
    await line.close()
    await other.close()
    await backend.close()
  })
})
