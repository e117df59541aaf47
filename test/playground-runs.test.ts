import { LLMock } from '@copilotkit/aimock'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createWakeupSource } from '../src/feed/wakeups.ts'
import { createRunRepository } from '../src/playground/run.repository.ts'
import { createRunService } from '../src/playground/run.service.ts'
import { workerLost } from '../src/playground/run.ts'
import {
  CancelPlaygroundRunDocument,
  CreatePlaygroundSessionDocument,
  EditPlaygroundBlockDocument,
  type ModelConfigInput,
  PlaygroundRunDocument,
  PlaygroundRunEventsDocument,
  type PromptContentInput,
  PromptVersionDocument,
  RunComparisonDocument,
  RunPlaygroundDocument,
  SavePlaygroundDocument,
  SessionRunsDocument,
  SetProviderDocument,
  TraceIdsDocument,
  UpdatePlaygroundModelDocument,
} from './generated/documents.ts'
import { withDatabase } from './harness/database.ts'
import { freshId, ingest } from './harness/ingest.ts'
import { subscribeOverSse, transports } from './harness/live-client.ts'
import { type Answer, type ModelServer, startModelServer } from './harness/model-server.ts'
import { cancelRun, startHesitantServer } from './harness/playing.ts'
import { makePrompt, publish, saying as telling } from './harness/prompt.ts'
import { makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'
import { until } from './harness/until.ts'

describe('a run', () => {
  let app: TestApp
  let tenant: TestTenant
  const mock = new LLMock({ port: 0 })
  const servers: ModelServer[] = []

  beforeAll(async () => {
    await mock.start()
    app = await startTestApp({ workers: true, models: { mayBePrivate: true, firstByteMs: 2_000, totalMs: 4_000 } })
    tenant = await makeTenant(app)
    await setProvider('mock', `${mock.url}/v1`)
  })
  afterEach(async () => {
    mock.reset()
    for (const server of servers.splice(0)) await server.close()
  })
  afterAll(async () => {
    await mock.stop()
    await app.close()
  })

  async function setProvider(name: string, baseUrl: string, apiKey = 'sk-a-secret-of-ours-1234'): Promise<void> {
    const input = { name, type: 'OPENAI_COMPATIBLE' as const, baseUrl, apiKey }
    await tenant.client.ask(SetProviderDocument, { input })
  }

  /** A provider that answers as the test says. */
  async function serve(answer: Answer): Promise<ModelServer> {
    const server = await startModelServer(answer)
    servers.push(server)
    await setProvider('served', server.url)
    return server
  }

  /** The mock looks at what the user says. */
  function saying(content: string, more: Partial<PromptContentInput> = {}): PromptContentInput {
    return { ...telling(content, more), blocks: [{ id: 'said', role: 'USER', content }] }
  }

  const mocked: ModelConfigInput = { provider: 'mock', name: 'gpt-4o' }

  async function open(content: PromptContentInput = saying('Say hello.'), model: ModelConfigInput | null = mocked) {
    const { name } = await makePrompt(tenant.client, { ...content, ...(model && { model }) })
    await publish(tenant.client, name)
    const input = { promptName: name }
    const { createPlaygroundSession } = await tenant.client.ask(CreatePlaygroundSessionDocument, { input })
    return { name, sessionId: createPlaygroundSession.id }
  }

  async function start(sessionId: string): Promise<string> {
    const { runPlayground } = await tenant.client.ask(RunPlaygroundDocument, { sessionId })
    return runPlayground.id
  }

  async function look(id: string) {
    const { playgroundRun } = await tenant.client.ask(PlaygroundRunDocument, { id })
    if (!playgroundRun) throw new Error(`no run ${id}`)
    return playgroundRun
  }

  function ended(id: string) {
    return until(async () => {
      const run = await look(id)
      return !['QUEUED', 'RUNNING'].includes(run.status) && run
    })
  }

  async function run(content?: PromptContentInput, model?: ModelConfigInput) {
    const { sessionId } = await open(content, model)
    return ended(await start(sessionId))
  }

  test('calls the model with what the session says, and keeps what it answers, takes and costs', async () => {
    const usage = { prompt_tokens: 1_000, completion_tokens: 100, total_tokens: 1_100 }
    mock.onMessage(/./, { content: 'Hello, Ann. How are you?', usage })
    const content = {
      blocks: [{ role: 'USER' as const, content: 'I am {{ name }}.' }],
      variables: [{ name: 'name', default: 'Ann' }],
    }
    const { sessionId } = await open(content, { provider: 'mock', name: 'gpt-4o', parameters: { temperature: 0.5 } })
    const done = await ended(await start(sessionId))
    expect(done).toMatchObject({
      id: expect.stringMatching(/^run_/),
      session: { id: sessionId },
      status: 'SUCCEEDED',
      messages: [{ role: 'user', content: 'I am Ann.' }],
      model: { provider: 'mock', name: 'gpt-4o', parameters: { temperature: 0.5 } },
      text: 'Hello, Ann. How are you?',
      output: null,
      toolCalls: null,
      inputTokens: 1_000,
      outputTokens: 100,
      totalTokens: 1_100,
      error: null,
    })
    expect(mock.getRequests().at(-1)?.body).toMatchObject({ model: 'gpt-4o', temperature: 0.5 })
    const { playgroundSession } = await tenant.client.ask(SessionRunsDocument, { id: sessionId })
    expect(playgroundSession?.runs).toMatchObject({ nodes: [{ id: done.id, status: 'SUCCEEDED' }], totalCount: 1 })
  })

  test('is a trace of its own, linked both ways', async () => {
    mock.onMessage(/./, { content: 'Hello.' })
    const { name, sessionId } = await open()
    const { id, trace } = await ended(await start(sessionId))
    expect(trace).toMatchObject({
      id,
      status: 'COMPLETED',
      tags: ['playground'],
      output: 'Hello.',
      metadata: { playground: { sessionId, runId: id, traceId: null } },
      playgroundRun: { id },
    })
    const { traces } = await tenant.client.ask(TraceIdsDocument, { filter: { promptName: name } })
    expect(traces.nodes).toEqual([{ id }])
  })

  test('gives back the calls of tools, and makes none', async () => {
    mock.onMessage(/./, { toolCalls: [{ id: 'c1', name: 'search', arguments: '{"q":"x"}' }] })
    const tools = [{ type: 'function', function: { name: 'search', parameters: { type: 'object' } } }]
    expect(await run(saying('Search.', { tools }))).toMatchObject({
      status: 'SUCCEEDED',
      toolCalls: [{ type: 'function', function: { name: 'search', arguments: '{"q":"x"}' } }],
    })
  })

  test('of a response schema is JSON, or says that it is not', async () => {
    const responseSchema = { type: 'object', properties: { a: { type: 'number' } }, required: ['a'] }
    mock.onMessage(/./, { content: '{"a":1}' })
    expect(await run(saying('x', { responseSchema }))).toMatchObject({ status: 'SUCCEEDED', output: { a: 1 } })
    mock.reset()
    mock.onMessage(/./, { content: '{"a":"none"}' })
    expect(await run(saying('x', { responseSchema }))).toMatchObject({
      status: 'FAILED',
      text: '{"a":"none"}',
      error: { code: 'INVALID_OUTPUT' },
    })
  })

  test('whose answer was cut at a limit of tokens says so', async () => {
    mock.onMessage(/./, { content: 'Half of', finishReason: 'length' })
    expect(await run()).toMatchObject({
      status: 'SUCCEEDED',
      text: 'Half of',
      warnings: ['The answer was cut: the model reached its limit of tokens.'],
    })
  })

  describe('that fails says why:', () => {
    test.each([
      [401, 'UNAUTHORIZED', false],
      [404, 'UNKNOWN_MODEL', false],
      [429, 'RATE_LIMITED', true],
      [503, 'OVERLOADED', true],
      [400, 'BAD_REQUEST', false],
    ])('status %i is %s', async (status, code, retryable) => {
      await serve((response) => {
        response.writeHead(status, { 'content-type': 'application/json', 'retry-after': '7' })
        response.end(
          JSON.stringify({
            error: {
              message: 'no model, not with sk-a-secret-of-ours-1234',
              code: status === 404 ? 'model_not_found' : 'x',
            },
          }),
        )
      })
      const { error, status: ended, trace } = await run(undefined, { provider: 'served', name: 'm' })
      expect(ended).toBe('FAILED')
      expect(error).toMatchObject({ code, retryable, statusCode: status })
      expect(error?.message).toContain('no model, not with')
      expect(error?.message).not.toContain('sk-a-secret')
      if (status === 429) expect(error?.retryAfterSeconds).toBe(7)
      expect(error?.message.endsWith(' Try again in 7 s.')).toBe(retryable)
      expect(trace?.status).toBe('FAILED')
    })

    test('a provider that nobody has set', async () => {
      expect(await run(undefined, { provider: 'nobody', name: 'm' })).toMatchObject({
        status: 'FAILED',
        error: { code: 'PROVIDER_NOT_CONFIGURED', message: expect.stringContaining('setProvider') },
      })
    })

    test('a stream that is cut in the middle, and keeps what came', async () => {
      await serve((response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'half of' } }] })}\n\n`)
        setTimeout(() => response.destroy(), 100)
      })
      const done = await run(undefined, { provider: 'served', name: 'm' })
      expect(done).toMatchObject({
        status: 'FAILED',
        text: 'half of',
        error: { code: 'STREAM_BROKEN', retryable: true },
      })
    })

    test('a provider that says nothing for too long', async () => {
      await serve(() => {})
      expect(await run(undefined, { provider: 'served', name: 'm' })).toMatchObject({
        status: 'FAILED',
        error: { code: 'FIRST_BYTE_TIMEOUT', retryable: true },
      })
    })

    test('a session without a model is not run at all', async () => {
      const { sessionId } = await open(undefined, null)
      const { extensions } = await tenant.client.refusal(RunPlaygroundDocument, { sessionId })
      expect(extensions).toMatchObject({
        code: 'INVALID_INPUT',
        hint: expect.stringContaining('updatePlaygroundModel'),
      })
    })
  })

  describe('is watched', () => {
    test.each(transports)(
      'over $name while the model speaks, from the start, by whoever comes',
      async ({ subscribe }) => {
        const said = Array.from({ length: 40 }, (_, index) => `word${index} `).join('')
        mock.onMessage(/./, { content: said }, { chunkSize: 8, latency: 20 })
        const { sessionId } = await open()
        const runId = await start(sessionId)
        const watch = () => subscribe({ url: app.url, key: tenant.key }, PlaygroundRunEventsDocument, { runId })
        const first = watch()
        await until(() => first.results.length > 2)
        const late = watch()
        await until(() => first.ended && late.ended)
        for (const { results } of [first, late]) {
          const events = results.map(({ data }) => data?.playgroundRunEvents)
          let text = ''
          for (const event of events) {
            expect(event?.offset).toBe(text.length)
            text += event?.delta
          }
          expect(text).toBe(said)
          expect(events.map((event) => event?.done).lastIndexOf(false)).toBe(events.length - 2)
          expect(events.at(-1)).toMatchObject({ done: true, run: { status: 'SUCCEEDED' } })
        }
        expect(first.results.length).toBeGreaterThan(4)
      },
    )

    test('from another process, and after it is over', async () => {
      const other = await startTestApp({ backend: app.backend })
      mock.onMessage(/./, { content: 'Said by a worker elsewhere.' }, { chunkSize: 4, latency: 20 })
      const { sessionId } = await open()
      const runId = await start(sessionId)
      const watch = () => subscribeOverSse({ url: other.url, key: tenant.key }, PlaygroundRunEventsDocument, { runId })
      const live = watch()
      await until(() => live.ended)
      expect(live.results.map(({ data }) => data?.playgroundRunEvents.delta).join('')).toBe(
        'Said by a worker elsewhere.',
      )
      const after = watch()
      await until(() => after.ended)
      expect(after.results).toMatchObject([
        { data: { playgroundRunEvents: { offset: 0, delta: 'Said by a worker elsewhere.', done: true } } },
      ])
      await other.close()
    })
  })

  test('that is canceled gives the request up, and keeps what was said', async () => {
    const server = await serve((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'so far' } }] })}\n\n`)
    })
    const { sessionId } = await open(undefined, { provider: 'served', name: 'm' })
    const runId = await start(sessionId)
    await until(async () => (await look(runId)).text === 'so far')
    await tenant.client.ask(CancelPlaygroundRunDocument, { runId })
    expect(await look(runId)).toMatchObject({ status: 'CANCELED', text: 'so far', trace: { status: 'COMPLETED' } })
    await server.requests[0]?.closed
    await tenant.client.ask(CancelPlaygroundRunDocument, { runId })
    expect((await look(runId)).status).toBe('CANCELED')
  })

  test('that is canceled is answered as it has ended, by whichever process', async () => {
    const other = await startTestApp({ backend: app.backend })
    const server = await startHesitantServer()
    servers.push(server)
    await setProvider('served', server.url)
    const { sessionId } = await open(undefined, { provider: 'served', name: 'm' })
    for (const client of [tenant.client, other.client(tenant.key)]) {
      const runId = await start(sessionId)
      await until(async () => (await look(runId)).text === server.half)
      const run = { status: 'CANCELED', text: server.half, error: { code: 'CANCELED' } }
      expect(await cancelRun(client, runId)).toEqual(run)
      expect(await cancelRun(client, runId)).toEqual(run)
    }
    await other.close()
  })

  test('waits where as many run as may, and is made when there is room', async () => {
    const open_: (() => void)[] = []
    await serve((response) => void open_.push(() => response.destroy()))
    const { sessionId } = await open(undefined, { provider: 'served', name: 'm' })
    const ids: string[] = []
    for (let index = 0; index < 6; index++) ids.push(await start(sessionId))
    await until(() => open_.length === 4)
    const waiting = (await Promise.all(ids.map(look))).filter(({ status }) => status === 'QUEUED')
    expect(waiting).toHaveLength(2)
    expect(await cancelRun(tenant.client, waiting[1]?.id ?? '')).toMatchObject({ status: 'CANCELED', text: '' })
    open_.shift()?.()
    await until(() => open_.length === 4)
    for (const end of open_) end()
    for (const id of ids) await ended(id)
  })

  /** As if it had been asked for long ago: in the table, and nowhere else. */
  async function insertRun(
    sessionId: string,
    more: { status: string; beatAt?: string; text?: string },
  ): Promise<string> {
    const id = freshId('run').replace('-', '_')
    const request = { messages: [{ role: 'user', content: 'x' }], model: { ...mocked, parameters: null }, tools: null }
    const whole = {
      ...request,
      toolChoice: null,
      responseSchema: null,
      textEtag: '',
      manifest: { format: 'tracemend/1', prompt: null, version: null, etag: '', included: [], content: null },
      variables: {},
    }
    await withDatabase(app.backend.database.url, async (client) => {
      const text = `insert into playground_runs (tenant_id, id, session_id, status, request, created_at, started_at, beat_at)
        values ($1, $2, $3, $4, $5, now() - interval '1 minute', now() - interval '1 minute', $6)`
      await client.query('begin')
      await client.query(text, [tenant.id, id, sessionId, more.status, JSON.stringify(whole), more.beatAt ?? null])
      const said = 'insert into playground_run_texts (tenant_id, run_id, "offset", text) values ($1, $2, 0, $3)'
      if (more.text) await client.query(said, [tenant.id, id, more.text])
      await client.query('commit')
    })
    return id
  }

  test('whose worker is gone ends, with what was said, and is not made again', async () => {
    const { sessionId } = await open()
    const beatAt = new Date(Date.now() - 41_000).toISOString()
    const runId = await insertRun(sessionId, { status: 'RUNNING', beatAt, text: 'so far' })
    await app.services.runExecution.sweep()
    const lost = await until(async () => {
      const run = await look(runId)
      return run.trace && run
    })
    expect(lost).toMatchObject({
      status: 'FAILED',
      text: 'so far',
      error: { code: 'WORKER_LOST', retryable: true },
      trace: { status: 'FAILED' },
    })
    await app.services.runExecution.run({ tenantId: tenant.id, runId }, new AbortController().signal)
    expect(mock.getRequests()).toEqual([])
  })

  test('that does not end when it is canceled is answered as it is, and listened to no longer', async () => {
    const { sessionId } = await open()
    const runId = await insertRun(sessionId, { status: 'RUNNING', beatAt: new Date().toISOString(), text: 'so far' })
    const pool = new pg.Pool({ connectionString: app.backend.database.url })
    onTestFinished(() => pool.end())
    const runs = createRunRepository(pool)
    const listeners = new Set<() => void>()
    const bus = {
      wake() {},
      listen(_topic: string, onWake: () => void) {
        listeners.add(onWake)
        return () => void listeners.delete(onWake)
      },
    }
    const service = createRunService({
      runs,
      sessions: app.services.sessions,
      queue: app.queue,
      bus,
      wakeups: createWakeupSource({ bus, pollMs: 50 }),
      onError() {},
    })
    const viewer = { tenantId: tenant.id, keyId: '', keyName: '', scopes: ['RUN' as const], expiresAt: null }
    const started = performance.now()
    expect(await service.cancelRun(viewer, runId)).toMatchObject({ status: 'RUNNING', text: 'so far' })
    expect(performance.now() - started).toBeGreaterThan(1_900)
    expect(performance.now() - started).toBeLessThan(4_000)
    expect(listeners.size).toBe(0)

    // What nobody is woken for is looked up.
    const canceling = service.cancelRun(viewer, runId)
    await until(() => listeners.size === 1)
    await runs.finishLost(new Date(Date.now() + 1_000), workerLost, new Date())
    expect(await canceling).toMatchObject({ status: 'FAILED', text: 'so far', error: { code: 'WORKER_LOST' } })
    expect(listeners.size).toBe(0)
  })

  test('whose place in the queue is lost is found by a sweep', async () => {
    mock.onMessage(/./, { content: 'Found.' })
    const { sessionId } = await open()
    const forgotten = await insertRun(sessionId, { status: 'QUEUED' })
    await app.services.runExecution.sweep()
    expect(await ended(forgotten)).toMatchObject({ status: 'SUCCEEDED', text: 'Found.' })
  })

  test('is compared with the call that its session was opened from, and justifies what is published', async () => {
    mock.onMessage(/./, {
      content: 'A better answer.',
      usage: { prompt_tokens: 12, completion_tokens: 4, total_tokens: 16 },
    })
    const { name } = await makePrompt(tenant.client, saying('Be kind.', { model: mocked }))
    const { etag } = await publish(tenant.client, name)
    const traceId = freshId()
    const counts = { inputTokens: 10, outputTokens: 5, cost: '0.5', durationMs: 1 }
    const call = { messages: [{ role: 'user', content: 'Be kind.' }], output: 'A bad answer.', ...counts }
    await ingest(tenant.client, { id: traceId, promptName: name, etag, status: 'FAILED', ...call })
    const { createPlaygroundSession } = await tenant.client.ask(CreatePlaygroundSessionDocument, { input: { traceId } })
    const { id: sessionId } = createPlaygroundSession
    await tenant.client.ask(EditPlaygroundBlockDocument, {
      sessionId,
      blockId: 'said',
      input: { content: 'Be better.' },
    })
    const runId = await start(sessionId)
    await ended(runId)
    const { playgroundRun } = await tenant.client.ask(RunComparisonDocument, { id: runId })
    expect(playgroundRun?.comparison).toMatchObject({ inputTokens: 2, outputTokens: -1 })
    expect(playgroundRun?.comparison?.prompt.unified).toContain('+  Be better.')
    expect(playgroundRun?.comparison?.output).toEqual([
      { kind: 'EQUAL', text: 'A ' },
      { kind: 'DELETED', text: 'bad' },
      { kind: 'INSERTED', text: 'better' },
      { kind: 'EQUAL', text: ' answer.' },
    ])
    // The model that it was tried with is not kept: it is the same text.
    await tenant.client.ask(UpdatePlaygroundModelDocument, {
      sessionId,
      model: { provider: 'openai', name: 'gpt-4.1' },
    })
    await tenant.client.ask(SavePlaygroundDocument, { sessionId })
    // It is tried once more before it is published.
    await tenant.client.ask(UpdatePlaygroundModelDocument, { sessionId, model: mocked })
    const later = await start(sessionId)
    await ended(later)
    await publish(tenant.client, name)
    const { prompt } = await tenant.client.ask(PromptVersionDocument, { name, selector: { version: 2 } })
    expect(prompt?.version?.evidence).toEqual({
      trace: { id: traceId },
      session: { id: sessionId },
      runs: [{ id: runId }, { id: later }],
    })
  })

  test('without an answer is compared by its prompt alone', async () => {
    const traceId = freshId()
    const counts = { inputTokens: 10, outputTokens: 5, cost: '0.5', durationMs: 100 }
    const call = { messages: [{ role: 'user', content: 'Be kind.' }], output: 'An answer.', ...counts }
    await ingest(tenant.client, { id: traceId, status: 'COMPLETED', ...call })
    const { createPlaygroundSession } = await tenant.client.ask(CreatePlaygroundSessionDocument, { input: { traceId } })
    const { id: sessionId } = createPlaygroundSession
    const compare = async (name: string) => {
      await tenant.client.ask(UpdatePlaygroundModelDocument, { sessionId, model: { provider: name, name: 'm' } })
      const { id, status } = await ended(await start(sessionId))
      const { playgroundRun } = await tenant.client.ask(RunComparisonDocument, { id })
      return { status, ...playgroundRun?.comparison }
    }
    await setProvider('nowhere', 'http://127.0.0.1:1')
    const numbers = { inputTokens: null, outputTokens: null, cost: null, durationMs: null }
    for (const name of ['nobody', 'nowhere']) {
      expect(await compare(name)).toEqual({ status: 'FAILED', prompt: expect.anything(), output: [], ...numbers })
    }
    // What failed in the middle has an answer, and one that is empty is an answer.
    await serve((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'An' } }] })}\n\n`)
      setTimeout(() => response.destroy(), 100)
    })
    expect(await compare('served')).toMatchObject({
      status: 'FAILED',
      output: expect.arrayContaining([{ kind: 'EQUAL', text: 'An' }]),
      durationMs: expect.any(Number),
    })
    mock.onMessage(/./, { content: '' })
    expect(await compare('mock')).toMatchObject({
      status: 'SUCCEEDED',
      output: [{ kind: 'DELETED', text: 'An answer.' }],
      durationMs: expect.any(Number),
    })
  })

  test('of the built-in demo needs no key, and says that it is no model', async () => {
    const done = await run(saying('Be kind.'), { provider: 'demo', name: 'demo' })
    expect(done.warnings.join()).toContain('estimate')
    expect(done).toMatchObject({ status: 'SUCCEEDED', cost: null, costSource: 'UNPRICED' })
    expect(done.text).toMatch(/not a model/i)
  })

  test('asks for what the session said then: what is edited meanwhile changes nothing of it', async () => {
    mock.onMessage(/./, { content: 'x' }, { latency: 200 })
    const { sessionId } = await open(saying('first'))
    const runId = await start(sessionId)
    await tenant.client.ask(UpdatePlaygroundModelDocument, { sessionId, model: { provider: 'demo', name: 'other' } })
    expect(await ended(runId)).toMatchObject({ model: { name: 'gpt-4o' }, messages: [{ content: 'first' }] })
  })
})
