import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  TraceDocument,
  TraceIdsDocument,
  UpdateTenantDocument,
  ViewerDocument,
  WholeTraceDocument,
} from './generated/documents.ts'
import { freshId, ingest, llmSpan, post } from './harness/ingest.ts'
import { makeKey, makeTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'

let app: TestApp

beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.close())

describe('a batch', () => {
  test('is stored whole: what was sent is what is shown', async () => {
    const client = app.client()
    const id = freshId()
    const contents = {
      modelConfig: { temperature: 0.7 },
      metadata: { env: 'test', nested: { a: [1, 2.5, null] } },
      manifest: [{ block: 'a', included: true }],
      variables: { name: 'Ada' },
      messages: [{ role: 'user', content: 'Hello 東京 💥' }],
      output: 'Hi',
      tools: [{ name: 'search', parameters: {} }],
      toolChoice: 'auto',
    }
    const narrow = {
      name: 'support',
      promptName: 'greeting',
      etag: 'abc',
      status: 'TIMED_OUT' as const,
      success: false,
      outcome: 'gave up',
      errorMessage: 'too slow',
      startedAt: '2026-11-20T10:00:00.000Z',
      endedAt: '2026-11-20T10:00:03.250Z',
      durationMs: 3_200.5,
      model: 'gpt-4o',
      provider: 'openai',
      inputTokens: 10,
      outputTokens: 5,
      totalTokens: 16,
      cachedInputTokens: 4,
      reasoningTokens: 2,
      cost: '0.0123',
      tags: ['a', 'b'],
      conversationId: 'c1',
      runId: 'r1',
      userId: 'u1',
    }
    const receipt = await ingest(client, { id, agent: 'helper', ...narrow, ...contents })
    expect(receipt).toEqual({ accepted: 1, rejected: 0, traceIds: [id], errors: [], cursor: expect.any(String) })
    const { trace } = await client.ask(WholeTraceDocument, { id })
    expect(trace).toEqual({
      id,
      ...narrow,
      ...contents,
      agent: { name: 'helper' },
      costSource: 'REPORTED',
      spanCount: 0,
      errorCount: 0,
    })
  })

  test('a trace that is known only from its spans sums them up, parents that repeat their children left out', async () => {
    const client = app.client()
    const id = freshId()
    await ingest(client, {
      id,
      spans: [
        {
          id: 'root',
          kind: 'AGENT',
          name: 'run',
          startedAt: '2026-11-20T10:00:00Z',
          endedAt: '2026-11-20T10:00:05Z',
          inputTokens: 3_000,
          outputTokens: 300,
        },
        llmSpan('a', { parentId: 'root' }),
        llmSpan('b', { parentId: 'root', status: 'FAILED', cost: '0.5', outputTokens: 200 }),
        {
          id: 'tool',
          parentId: 'root',
          kind: 'TOOL',
          name: 'search',
          startedAt: '2026-11-20T10:00:01Z',
          durationMs: 5,
        },
      ],
    })
    const { trace } = await client.ask(TraceDocument, { id })
    expect(trace).toMatchObject({
      status: 'COMPLETED',
      startedAt: '2026-11-20T10:00:00.000Z',
      endedAt: '2026-11-20T10:00:05.000Z',
      durationMs: 5_000,
      inputTokens: 2_000,
      outputTokens: 300,
      totalTokens: 2_300,
      // 1,000 tokens in at $2.50 and 100 out at $10 a million, and what was reported.
      cost: '0.5035',
      costSource: 'COMPUTED',
      spanCount: 4,
      errorCount: 1,
      agent: null,
      name: null,
    })
  })

  test('is partly stored where it is partly wrong, through both doors', async () => {
    const tenant = await makeTenant(app)
    const good = freshId()
    const bad = freshId()
    const traces = [
      { id: good, spans: [llmSpan('1')] },
      { id: bad, spans: [{ ...llmSpan('1'), attributes: ['no object'] }] },
    ]
    const expected = {
      accepted: 1,
      rejected: 1,
      traceIds: [good],
      errors: [
        {
          index: 1,
          traceId: bad,
          spanId: '1',
          path: 'traces[1].spans[0].attributes',
          code: 'INVALID_INPUT',
          message: 'traces[1].spans[0].attributes expects a JSON object; got a list of 1.',
        },
      ],
      cursor: expect.any(String),
    }
    expect(await ingest(tenant.client, ...traces)).toEqual(expected)
    expect(await post(tenant.client, { traces })).toMatchObject({ status: 200, body: expected })
    const { traces: listed } = await tenant.client.ask(TraceIdsDocument, {})
    expect(listed.nodes).toEqual([{ id: good }])
  })
})

describe('the plain door', () => {
  test('takes what the mutation takes, compressed or not, and says the same', async () => {
    const client = app.client()
    const id = freshId()
    const body = JSON.stringify({ traces: [{ id, agent: 'sdk', spans: [llmSpan('1')] }] })
    const plain = await post(client, body)
    const zipped = await post(client, gzipSync(body), { 'content-encoding': 'gzip' })
    for (const { status, body } of [plain, zipped]) {
      expect({ status, body }).toEqual({
        status: 200,
        body: { accepted: 1, rejected: 0, traceIds: [id], errors: [], cursor: expect.any(String) },
      })
    }
    expect((await client.ask(TraceDocument, { id })).trace).toMatchObject({ spanCount: 1, cost: '0.0035' })
  })

  test.each<[string, unknown, string, number, string | undefined]>([
    ['no JSON', '{', 'INVALID_INPUT', 400, 'body'],
    ['no object', '[]', 'INVALID_INPUT', 400, 'traces'],
    ['null', 'null', 'INVALID_INPUT', 400, 'traces'],
    ['no list', { traces: {} }, 'INVALID_INPUT', 400, 'traces'],
    ['something else beside', { traces: [], trace: 1 }, 'INVALID_INPUT', 400, 'trace'],
    [
      'too many spans',
      { traces: [{ spans: Array.from({ length: 1_001 }, (_, n) => ({ id: `${n}`, name: 'n' })) }] },
      'PAYLOAD_TOO_LARGE',
      413,
      'traces',
    ],
    ['too many bytes', `{"traces":[],"x":"${'x'.repeat(10_485_760)}"}`, 'PAYLOAD_TOO_LARGE', 413, undefined],
  ])('refuses %s', async (_, body, code, status, field) => {
    const { status: got, body: answer } = await post(app.client(), body)
    expect({ got, code: answer.errors[0].extensions.code, field: answer.errors[0].extensions.field }).toEqual({
      got: status,
      code,
      field,
    })
  })

  test('needs a key with INGEST, and a POST', async () => {
    const reader = await makeKey(app.client(), { scopes: ['READ'] })
    const refusalOf = async (key: string | null) => {
      const { status, body } = await post({ url: app.url, key }, { traces: [] })
      return { status, code: body.errors[0].extensions.code }
    }
    expect(await refusalOf(reader.secret)).toEqual({ status: 403, code: 'FORBIDDEN' })
    expect(await refusalOf('tm_nobody_x')).toEqual({ status: 401, code: 'UNAUTHENTICATED' })
    const get = await fetch(`${app.url}/ingest`, { headers: { authorization: `Bearer ${app.client().key}` } })
    expect({ status: get.status, allow: get.headers.get('allow') }).toEqual({ status: 400, allow: 'POST, OPTIONS' })
    const preflight = await fetch(`${app.url}/ingest`, { method: 'OPTIONS' })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-headers')).toContain('authorization')
  })
})

describe('the monthly span limit', () => {
  test('is counted exactly under concurrency; nothing of what goes beyond is stored, and duplicates count once', async () => {
    const tenant = await makeTenant(app, { monthlySpanLimit: 20 })
    const batch = (id: string) => ({
      traces: [{ id, spans: Array.from({ length: 3 }, (_, n) => ({ id: `${n}`, name: 'n' })) }],
    })
    const ids = Array.from({ length: 12 }, () => freshId())
    // Each twice, at once.
    const answers = await Promise.all([...ids, ...ids].map((id) => post(tenant.client, batch(id))))
    const refused = answers.filter(({ status }) => status === 429)
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(24 - refused.length)
    const { nodes } = (await tenant.client.ask(TraceIdsDocument, { first: 100 })).traces
    expect(nodes).toHaveLength(6)
    const usage = (await tenant.client.ask(ViewerDocument)).viewer.tenant.usage
    expect(usage).toMatchObject({ traces: 6, spans: 18, spanLimit: 20, spansLeft: 2 })
    // What is stored already may come again, and be finished.
    for (const { id } of nodes) expect((await post(tenant.client, batch(id))).status).toBe(200)
    expect((await tenant.client.ask(ViewerDocument)).viewer.tenant.usage).toEqual(usage)
  })

  test('says when it renews, on both doors', async () => {
    const tenant = await makeTenant(app, { monthlySpanLimit: 0 })
    const traces = [{ id: freshId(), spans: [llmSpan('1')] }]
    const { status, headers, body } = await post(tenant.client, { traces })
    expect(status).toBe(429)
    const { code, limit, max, retryAfterSeconds } = body.errors[0].extensions
    expect({ code, limit, max }).toEqual({ code: 'QUOTA_EXCEEDED', limit: 'monthlySpanLimit', max: 0 })
    const renewal = new Date(Date.now() + retryAfterSeconds * 1_000)
    expect(renewal.getUTCDate()).toBe(1)
    expect(headers.get('retry-after')).toBe(String(retryAfterSeconds))
    expect(body.errors[0].message).toContain(renewal.toISOString().slice(0, 10))
    await expect(ingest(tenant.client, ...traces)).rejects.toThrow('QUOTA_EXCEEDED')
    expect((await tenant.client.ask(TraceIdsDocument, {})).traces.nodes).toEqual([])
    await app.client().ask(UpdateTenantDocument, { tenantId: tenant.id, input: { monthlySpanLimit: 1 } })
    expect((await post(tenant.client, { traces })).status).toBe(200)
  })
})
