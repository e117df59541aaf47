import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  AgentDocument,
  AgentsDocument,
  DeleteTracesDocument,
  SetTraceOutcomeDocument,
  SpanContentsDocument,
  SpansDocument,
  SpanTreeDocument,
  TraceDocument,
  TraceIdsDocument,
  WholeTraceDocument,
} from './generated/documents.ts'
import { doors, sendIn } from './harness/doors.ts'
import { freshId, llmSpan } from './harness/ingest.ts'
import { makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'

let app: TestApp
let tenant: TestTenant

beforeAll(async () => {
  app = await startTestApp({ workers: true })
  tenant = await makeTenant(app)
})
afterAll(async () => {
  expect(app.log.lines.filter(({ level }) => level >= 50)).toEqual([])
  await app.close()
})

const hostileIds: [what: string, id: string][] = [
  ['200 emoji', '💥'.repeat(200)],
  ['families of joined emoji', '👩‍👩‍👧‍👦'.repeat(18)],
  ['combining marks', 'e\u0301\u0316'.repeat(66)],
  ['right to left', '\u202eשלום عليكم\u202c'.repeat(10)],
  ['quotes and slashes', `"'\`\\/`.repeat(40)],
  ['every control character but NUL', controlCharacters()],
  ['the separator of columns', '\u001f'.repeat(200)],
  ['line breaks of all kinds', '\n\r\n\u0085\u2028\u2029'],
  ['a blank', ' '],
  ['a byte order mark', '\ufeff'],
  ['noncharacters', '\uffff\ufdd0\u{10ffff}'],
  ['a name of JavaScript', '__proto__'],
  ['another', 'constructor'],
  ['SQL', "'; drop table traces; --"],
  ['a list in SQL', '{"a",NULL}'],
  ['a placeholder', '$1 {1} %s \\N'],
  ['a path', '../../%2e%00/a?b#c'],
]

function controlCharacters(): string {
  return String.fromCharCode(...Array.from({ length: 31 }, (_, n) => n + 1), 0x7f, 0x80, 0x9f)
}

describe.each(doors)('an id through $name', (door) => {
  test.each(hostileIds)('of %s comes back as it is, wherever an id may stand', async (_, id) => {
    const { client } = tenant
    const spans = [
      { id, name: id, input: id, attributes: { [id]: id } },
      { id: 'child', parentId: id, name: 'child' },
    ]
    const receipt = await sendIn(door, client, { id, agent: id, tags: [id], spans })
    expect(receipt.traceIds).toEqual([id])
    expect((await client.ask(TraceDocument, { id })).trace).toMatchObject({ id, tags: [id], agent: { name: id } })
    const first = (await client.ask(SpansDocument, { id, first: 1 })).trace?.spans
    const next = (await client.ask(SpansDocument, { id, after: first?.pageInfo.endCursor ?? null })).trace?.spans
    const places = [...(first?.edges ?? []), ...(next?.edges ?? [])].map(({ node }) => [node.id, node.parentId])
    expect(places.toSorted()).toEqual(
      [
        [id, null],
        ['child', id],
      ].toSorted(),
    )
    expect((await client.ask(SpanTreeDocument, { id, rootSpanId: id })).trace?.spanTree).toMatchObject([
      { id, children: [{ id: 'child', parentId: id }] },
    ])
    const contents = (await client.ask(SpanContentsDocument, { id })).trace?.spans.nodes
    expect(contents?.find((span) => span.id === id)).toMatchObject({ input: id, attributes: { [id]: id } })
    const all = (await client.ask(TraceIdsDocument, { first: 1 })).traces
    expect(all.nodes).toEqual([{ id }])
    const beyond = { first: 1, after: all.pageInfo.endCursor ?? null }
    expect((await client.ask(TraceIdsDocument, beyond)).traces.nodes).toEqual([])
    for (const filter of [{ ids: [id] }, { agents: [id] }, { tagsAll: [id] }, { tagsAny: ['x', id] }]) {
      expect((await client.ask(TraceIdsDocument, { filter })).traces.nodes).toEqual([{ id }])
    }
    expect((await client.ask(SetTraceOutcomeDocument, { traceId: id, success: true })).setTraceOutcome.id).toBe(id)
    expect((await client.ask(DeleteTracesDocument, { ids: [id] })).deleteTraces).toBe(1)
    expect((await client.ask(TraceDocument, { id })).trace).toBeNull()
  })

  test('may have 200 characters, however they are written, and not one more', async () => {
    for (const id of ['x'.repeat(201), '💥'.repeat(201), '']) {
      for (const trace of [
        { id },
        { id: 'a', spans: [{ id, name: '' }] },
        { id: 'a', spans: [{ ...span, parentId: id }] },
      ]) {
        const { receipt } = await door.send(tenant.client, JSON.stringify([trace]))
        expect(receipt).toMatchObject({ accepted: 0, rejected: 1, errors: [{ code: 'INVALID_INPUT' }] })
      }
    }
  })
})

const span = { id: 's', name: 'n' }

describe.each(doors)('what PostgreSQL has no characters for, through $name,', (door) => {
  const bad = 'a\0b\ud800c\udc00'
  const good = 'a\ufffdb\ufffdc\ufffd'

  test('is replaced wherever a text may stand, and found by what was sent', async () => {
    const { client } = await makeTenant(app)
    const labels = ['name', 'promptName', 'etag', 'outcome', 'errorMessage', 'model', 'provider'] as const
    const others = ['conversationId', 'runId', 'userId'] as const
    const wide = ['modelConfig', 'manifest', 'variables', 'messages', 'output', 'tools', 'toolChoice'] as const
    const nested = (text: string) => ({ [text]: [text, { [`${text}2`]: text }] })
    const filled = (text: string) => ({
      ...Object.fromEntries([...labels, ...others].map((field) => [field, text])),
      ...Object.fromEntries(wide.map((field) => [field, nested(text)])),
      metadata: nested(text),
      tags: [text],
    })
    const spanOf = (text: string) => ({ id: text, parentId: text, name: text, errorMessage: text, model: text })
    const contents = (text: string) => ({ input: text, output: [nested(text)], attributes: nested(text) })
    const receipt = await sendIn(door, client, {
      id: bad,
      agent: bad,
      ...filled(bad),
      spans: [{ ...spanOf(bad), ...contents(bad) }],
    })
    expect(receipt.traceIds).toEqual([good])
    const { trace } = await client.ask(WholeTraceDocument, { id: bad })
    expect(trace).toMatchObject({ id: good, ...filled(good), agent: { name: good } })
    expect((await client.ask(SpansDocument, { id: bad })).trace?.spans.edges[0]?.node).toMatchObject(spanOf(good))
    const { trace: whole } = await client.ask(SpanContentsDocument, { id: bad })
    expect(whole?.spans.nodes).toEqual([{ id: good, ...contents(good) }])
    const { trace: drawn } = await client.ask(SpanTreeDocument, { id: bad, rootSpanId: bad })
    expect(drawn?.spanTree).toMatchObject([{ id: good }])
    expect((await client.ask(AgentDocument, { name: bad })).agent).toMatchObject({ name: good })
    expect((await client.ask(AgentsDocument, { search: bad })).agents.nodes).toEqual([{ name: good }])

    await app.drain()
    const texts = ['promptName', 'etag', 'outcome', 'model', 'provider', ...others].map((field) => ({ [field]: bad }))
    const lists = ['ids', 'agents', 'tagsAll', 'tagsAny'].map((field) => ({ [field]: [bad] }))
    for (const filter of [...texts, ...lists, { search: bad }, { search: good }, { metadata: nested(bad) }]) {
      const { traces } = await client.ask(TraceIdsDocument, { filter })
      expect({ filter, found: traces.nodes }).toEqual({ filter, found: [{ id: good }] })
    }
    for (const place of [bad, '\0', '\udfff']) {
      const after = encode(['STARTED_AT', 'DESC', '9999-12-31T23:59:59.999Z', place])
      expect((await client.ask(TraceIdsDocument, { after })).traces.nodes).toEqual([{ id: good }])
      await client.ask(AgentsDocument, { after: encode([place, place]) })
      await client.ask(SpansDocument, { id: bad, after: encode([0, place]) })
    }
    const set = { traceId: bad, success: true, outcome: bad }
    expect((await client.ask(SetTraceOutcomeDocument, set)).setTraceOutcome).toMatchObject({ id: good, outcome: good })
    expect((await client.ask(DeleteTracesDocument, { ids: [bad, good] })).deleteTraces).toBe(1)
  })

  test('and what it takes for the end of a column stays in the payload that it came in', async () => {
    const { client } = tenant
    const id = freshId()
    const every = `${controlCharacters()}\u001f`
    const spans = [
      { id: 'a', name: 'a', input: every, output: `${every}${every}`, attributes: { [every]: every } },
      { id: 'b', name: 'b' },
      { id: 'c', name: 'c', input: '', output: null },
      { id: 'd', name: 'd', output: '\u001f' },
      { id: 'e', name: 'e', input: [[]], attributes: {} },
      { id: 'f', name: 'f', input: false, output: 0 },
    ]
    // The first is stored plainly, the second is merged.
    for (const _ of ['new', 'again']) {
      await sendIn(door, client, { id, spans })
      const { trace } = await client.ask(SpanContentsDocument, { id })
      const nothing = { input: null, output: null, attributes: null }
      expect(trace?.spans.nodes.toSorted((one, other) => (one.id < other.id ? -1 : 1))).toEqual(
        spans.map(({ name, ...contents }) => ({ ...nothing, ...contents })),
      )
    }
  })
})

describe.each(doors)('a number or a moment through $name', (door) => {
  const huge = `1${'0'.repeat(5_000)}`

  test.each<[field: string, given: string, shown: unknown]>([
    ['inputTokens', '-0', 0],
    ['inputTokens', '1e3', 1_000],
    ['inputTokens', '2147483647', 2_147_483_647],
    ['durationMs', '-0.0', 0],
    ['durationMs', '1e15', 1e15],
    ['durationMs', '5e-324', 5e-324],
    ['cost', '-0', '0'],
    ['cost', '1e12', '1000000000000'],
    ['cost', '1e-400', '0'],
    ['cost', '"1e-18"', '0.000000000000000001'],
    ['cost', '"999999999999.999999999999999999"', '999999999999.999999999999999999'],
    ['startedAt', '"9999-12-31T23:59:59.999Z"', '9999-12-31T23:59:59.999Z'],
    ['startedAt', '"0001-01-01T00:00:00Z"', '0001-01-01T00:00:00.000Z'],
    ['startedAt', '"1969-12-31T23:59:59.999Z"', '1969-12-31T23:59:59.999Z'],
    ['startedAt', '"1883-11-18T12:03:58.5-04:56"', '1883-11-18T16:59:58.500Z'],
    ['startedAt', '"2026-11-20T10:00:00.123456789+14:00"', '2026-11-19T20:00:00.123Z'],
    ['startedAt', '"2024-02-29T00:00Z"', '2024-02-29T00:00:00.000Z'],
    [
      'metadata',
      `{"a":-0,"b":1e308,"c":5e-324,"d":${'1'.repeat(25)}}`,
      { a: 0, b: 1e308, c: 5e-324, d: 1.1111111111111111e24 },
    ],
  ])('%s %s is shown as %j, and finds its trace', async (field, given, shown) => {
    const { client } = tenant
    const id = freshId()
    const { receipt, errors } = await door.send(
      client,
      `[{"id":"${id}","${field}":${given}${field === 'metadata' ? '' : `,"spans":[{"id":"s","name":"","${field}":${given}}]`}}]`,
    )
    expect({ errors, receipt }).toMatchObject({ errors: [], receipt: { accepted: 1, rejected: 0 } })
    const { trace } = await client.ask(WholeTraceDocument, { id })
    expect(trace?.[field as 'cost']).toEqual(shown)
    const range = field === 'metadata' ? { metadata: shown } : { [field]: { gte: shown } }
    const filter = { ids: [id], ...(field !== 'inputTokens' && range) } as object
    expect((await client.ask(TraceIdsDocument, { filter })).traces.nodes).toEqual([{ id }])
    if (field === 'metadata') return
    const { trace: withSpans } = await client.ask(SpansDocument, { id })
    expect(withSpans?.spans.edges[0]?.node[field as 'cost']).toEqual(shown)
  })

  test.each<[field: string, given: string]>([
    ['inputTokens', '2147483648'],
    ['inputTokens', '-1'],
    ['inputTokens', '1.5'],
    ['inputTokens', '1e400'],
    ['inputTokens', huge],
    ['durationMs', '1.1e15'],
    ['durationMs', '-5e-324'],
    ['durationMs', '1e400'],
    ['cost', '"1e-19"'],
    ['cost', '"-0.01"'],
    ['cost', '1e13'],
    ['cost', '-1e400'],
    ['cost', huge],
    ['cost', `"${huge}"`],
    ['cost', '"NaN"'],
    ['cost', '"0x10"'],
    ['startedAt', '"2026-02-29T00:00:00Z"'],
    ['startedAt', '"2026-11-31T00:00:00Z"'],
    ['startedAt', '"2026-11-20T25:00:00Z"'],
    ['startedAt', '"9999-12-31T23:59:59-01:00"'],
    ['startedAt', '"0001-01-01T00:00:00+01:00"'],
    ['startedAt', '"0000-01-01T00:00:00Z"'],
    ['startedAt', '"+010000-01-01T00:00:00Z"'],
    ['startedAt', '"-000001-01-01T00:00:00Z"'],
    ['startedAt', '"2026-11-20T10:00:00"'],
    ['startedAt', '"2026-11-20"'],
    ['startedAt', '"infinity"'],
    ['startedAt', '1763000000000'],
    ['metadata', '{"a":[1e400]}'],
    ['output', '-1e400'],
  ])('%s %s is refused, and nothing of its trace is stored', async (field, given) => {
    const id = freshId()
    const { receipt, errors } = await door.send(tenant.client, `[{"id":"${id}","${field}":${given}}]`)
    const complaints = [...errors.map(({ extensions }) => extensions), ...(receipt?.errors ?? [])]
    expect(complaints).toMatchObject([{ code: 'INVALID_INPUT' }])
    const { field: at = complaints[0]?.path } = complaints[0] as { field?: string; path?: string }
    expect(at).toContain(`traces[0].${field}`)
    expect((await tenant.client.ask(TraceDocument, { id })).trace).toBeNull()
  })

  test('may be as large as they are allowed to be, all at once: sums are right', async () => {
    const id = freshId()
    const max = 2_147_483_647
    const tokens = { inputTokens: max, outputTokens: max, cachedInputTokens: max, reasoningTokens: max }
    const spans = Array.from({ length: 10 }, (_, n) => llmSpan(`${n}`, { ...tokens, cost: '1000000000000' }))
    await sendIn(door, tenant.client, { id, spans })
    await sendIn(door, tenant.client, { id, spans })
    expect((await tenant.client.ask(TraceDocument, { id })).trace).toMatchObject({
      inputTokens: 10 * max,
      totalTokens: 20 * max,
      cachedInputTokens: 10 * max,
      cost: '10000000000000',
    })
    const own = freshId()
    await sendIn(door, tenant.client, { id: own, ...tokens })
    expect((await tenant.client.ask(TraceDocument, { id: own })).trace?.totalTokens).toBe(2 * max)
  })
})

function encode(parts: unknown[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url')
}
