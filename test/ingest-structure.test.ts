import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  SpanContentsDocument,
  SpansDocument,
  TraceDocument,
  TraceIdsDocument,
  ViewerDocument,
  WholeTraceDocument,
} from './generated/documents.ts'
import { doors, sendIn } from './harness/doors.ts'
import { freshId } from './harness/ingest.ts'
import { drawSpans, outline } from './harness/span-trees.ts'
import { makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'

let app: TestApp
let tenant: TestTenant

beforeAll(async () => {
  app = await startTestApp()
  tenant = await makeTenant(app)
})
afterAll(async () => {
  expect(app.log.lines.filter(({ level }) => level >= 50)).toEqual([])
  await app.close()
})

const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
const nestedObject = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`

describe.each(doors)('JSON in JSON through $name', (door) => {
  test.each([100, 400, 500])('comes back from %i levels deep', async (levels) => {
    const id = freshId()
    const spans = `[{"id":"s","name":"","input":${nested(levels)},"attributes":${nestedObject(levels)}}]`
    const traces = `[{"id":"${id}","messages":${nested(levels)},"metadata":${nestedObject(levels)},"spans":${spans}}]`
    expect((await door.send(tenant.client, traces)).receipt?.errors).toEqual([])
    const { trace } = await tenant.client.ask(WholeTraceDocument, { id })
    expect(JSON.stringify(trace?.messages)).toBe(nested(levels))
    expect(JSON.stringify(trace?.metadata)).toBe(nestedObject(levels))
    const { trace: whole } = await tenant.client.ask(SpanContentsDocument, { id })
    expect(JSON.stringify(whole?.spans.nodes[0]?.input)).toBe(nested(levels))
    expect(JSON.stringify(whole?.spans.nodes[0]?.attributes)).toBe(nestedObject(levels))
  })

  test('is refused from 501 levels on, with its place', async () => {
    for (const levels of [501, 100_000]) {
      for (const [path, trace] of [
        ['traces[0].messages', `{"messages":${nested(levels)}}`],
        ['traces[0].metadata', `{"metadata":${nestedObject(levels)}}`],
        ['traces[0].spans[0].output', `{"spans":[{"id":"s","name":"","output":${nested(levels)}}]}`],
      ]) {
        const { receipt } = await door.send(tenant.client, `[${trace}]`)
        expect(receipt?.errors).toMatchObject([{ path, code: 'INVALID_INPUT' }])
      }
    }
  })

  test('100,000 levels deep is refused wherever it stands', async () => {
    const deep = nested(100_000)
    for (const traces of [
      deep,
      `[${deep}]`,
      `[{"id":${deep}}]`,
      `[{"tags":${deep}}]`,
      `[{"startedAt":${deep}}]`,
      `[{"nope":${deep}}]`,
      `[{"spans":${deep}}]`,
      `[{"spans":[{"id":"s","name":"","cost":${nestedObject(100_000)}}]}]`,
    ]) {
      const { status, receipt, errors } = await door.send(tenant.client, traces)
      const codes = new Set([
        ...errors.map(({ extensions }) => extensions.code),
        ...(receipt?.errors ?? []).map(({ code }) => code),
      ])
      expect({ status: status < 500, codes: [...codes] }).toEqual({ status: true, codes: ['INVALID_INPUT'] })
    }
  })

  test('keeps keys whatever they are called; of two the last one is it', async () => {
    const id = freshId()
    const odd =
      '{"__proto__":{"polluted":true},"constructor":{"prototype":1},"toString":null,"":"empty"," ":0,"1":1,"a.b":[]}'
    const traces = `[{"id":"${id}","metadata":${odd},"variables":{"a":1,"a":2,"__proto__":3},"spans":[{"id":"s","name":"","attributes":${odd}}]}]`
    for (const _ of ['new', 'again']) expect((await door.send(tenant.client, traces)).receipt?.errors).toEqual([])
    await door.send(
      tenant.client,
      `[{"id":"${id}","metadata":{"__proto__":{"polluted":"and more"},"hasOwnProperty":1}}]`,
    )
    const { trace } = await tenant.client.ask(WholeTraceDocument, { id })
    const merged = JSON.parse(
      odd.replace('"polluted":true', '"polluted":"and more"').replace('{', '{"hasOwnProperty":1,'),
    )
    expect(entriesOf(trace?.metadata)).toEqual(entriesOf(merged))
    expect(entriesOf(trace?.variables)).toEqual([
      ['__proto__', 3],
      ['a', 2],
    ])
    const { trace: whole } = await tenant.client.ask(SpanContentsDocument, { id })
    expect(entriesOf(whole?.spans.nodes[0]?.attributes)).toEqual(entriesOf(JSON.parse(odd)))
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    const filter = { ids: [id], metadata: JSON.parse('{"__proto__":{"polluted":"and more"}}') }
    expect((await tenant.client.ask(TraceIdsDocument, { filter })).traces.nodes).toEqual([{ id }])
  })

  test.each([
    ['a trace', '{"id":"ID","nope":1}', 'traces[0]'],
    ['a trace, by a name that objects have', '{"id":"ID","__proto__":{"id":"x"}}', 'traces[0]'],
    ['another', '{"id":"ID","constructor":1}', 'traces[0]'],
    ['a span', '{"id":"ID","spans":[{"id":"s","name":"n","trace":1}]}', 'traces[0].spans[0]'],
    ['a field of ours that is not theirs', '{"id":"ID","computedCost":"1"}', 'traces[0]'],
  ])('of %s has no other fields than we say', async (_, trace, place) => {
    const id = freshId()
    const { receipt, errors } = await door.send(tenant.client, `[${trace.replace('ID', id)}]`)
    const [complaint] = [
      ...errors.map(({ message, extensions }) => ({ ...extensions, path: message })),
      ...(receipt?.errors ?? []),
    ]
    expect(complaint?.code).toBe('INVALID_INPUT')
    expect(complaint?.path).toContain(place)
    expect((await tenant.client.ask(TraceDocument, { id })).trace).toBeNull()
  })
})

function entriesOf(value: unknown) {
  return Object.entries(value as object).toSorted(([one], [other]) => (one < other ? -1 : 1))
}

describe.each(doors)('a batch through $name', (door) => {
  const named = (count: number) => Array.from({ length: count }, (_, n) => ({ id: `${n}`, name: 'n' }))

  test('may bring 1,000 spans and as many traces, and not one more', async () => {
    const { client } = await makeTenant(app)
    const id = freshId()
    await sendIn(door, client, { id, spans: named(1_000) })
    expect((await client.ask(TraceDocument, { id })).trace?.spanCount).toBe(1_000)
    const traces = Array.from({ length: 1_000 }, () => ({ id: freshId('many') }))
    expect((await sendIn(door, client, ...traces)).traceIds).toEqual(traces.map((trace) => trace.id))
    const { usage } = (await client.ask(ViewerDocument)).viewer.tenant
    expect(usage).toMatchObject({ traces: 1_001, spans: 1_000 })
    for (const beyond of [
      [{ spans: named(600) }, { spans: named(401) }],
      [...traces, { id: 'one more' }],
    ]) {
      const { status, errors } = await door.send(client, JSON.stringify(beyond))
      expect({ status, errors }).toMatchObject({
        status: 413,
        errors: [{ extensions: { code: 'PAYLOAD_TOO_LARGE', max: 1_000 } }],
      })
    }
    expect((await client.ask(ViewerDocument)).viewer.tenant.usage).toEqual(usage)
  })

  test('says what is wrong with it in an answer that is no larger than it', async () => {
    const wrong = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`a${n}`, n]))
    const traces = JSON.stringify([{ spans: [{ id: 'x'.repeat(1_000_000), name: '', ...wrong }] }])
    const { receipt, errors } = await door.send(tenant.client, traces)
    expect(JSON.stringify(receipt ?? errors).length).toBeLessThan(1_000_000)
    const named = JSON.stringify([{ [`nope${'💥'.repeat(500_000)}`]: 1 }])
    const answer = await door.send(tenant.client, named)
    expect(JSON.stringify(answer).length).toBeLessThan(10_000)
  })

  test('with names of 1,000 characters, errors of 100,000 and nothing else stores them', async () => {
    const id = freshId()
    const [name, errorMessage] = ['💥'.repeat(1_000), '\n'.repeat(100_000)]
    await sendIn(door, tenant.client, { id, name, errorMessage, spans: [{ id: 's', name, errorMessage }] })
    const { trace } = await tenant.client.ask(TraceDocument, { id })
    expect(trace).toMatchObject({ name, errorMessage, status: 'FAILED', errorCount: 1 })
    await sendIn(door, tenant.client, {
      id: freshId(),
      name: '',
      outcome: '',
      model: '',
      provider: '',
      spans: [{ id: 's', name: '' }],
    })
  })

  test('merges what it says of one trace twice as if it came in two, in whatever order', async () => {
    const at = (second: number) => `2026-11-20T10:00:0${second}.000Z`
    const one = {
      agent: 'a',
      success: true,
      outcome: 'ok',
      status: 'COMPLETED',
      startedAt: at(2),
      cost: '10',
      tags: ['b', 'é'],
      metadata: { a: 1, c: [1] },
    }
    const other = {
      agent: 'aa',
      success: false,
      outcome: 'no',
      status: 'RUNNING',
      startedAt: at(1),
      cost: '9.5',
      tags: ['💥', 'b'],
      metadata: { a: 20, b: null },
    }
    const span = { id: 's', name: 'n', status: 'FAILED', parentId: 'p', input: 'x', startedAt: at(3) }
    const again = {
      id: 's',
      name: 'name',
      kind: 'LLM',
      inputTokens: 5,
      input: ['longer'],
      attributes: { z: 1 },
      startedAt: at(1),
    }
    const pieces = (id: string) => [
      { id, ...one, spans: [span, again] },
      { id, ...other, spans: [again] },
    ]
    const [together, apart, backwards] = [freshId(), freshId(), freshId()]
    const receipt = await sendIn(door, tenant.client, ...pieces(together))
    expect(receipt).toMatchObject({ accepted: 2, traceIds: [together] })
    for (const piece of pieces(apart)) await sendIn(door, tenant.client, piece)
    for (const piece of pieces(backwards).reverse()) await sendIn(door, tenant.client, piece)
    const shown = await Promise.all(
      [together, apart, backwards].map(async (id) => {
        const { trace } = await tenant.client.ask(WholeTraceDocument, { id })
        const { trace: withSpans } = await tenant.client.ask(SpansDocument, { id })
        return { ...trace, id: '', spans: withSpans?.spans.edges.map(({ node }) => node) }
      }),
    )
    expect(shown[0]).toMatchObject({
      agent: { name: 'aa' },
      success: false,
      cost: '10',
      tags: ['b', 'é', '💥'],
      spanCount: 1,
      errorCount: 1,
    })
    expect(shown[1]).toEqual(shown[0])
    expect(shown[2]).toEqual(shown[0])
  })

  test('takes parents that go round in a circle as they come, in pieces', async () => {
    const id = freshId()
    const circle = (...ids: string[]) =>
      ids.map((own, n) => ({ id: own, name: own, parentId: ids[(n + 1) % ids.length] }))
    await sendIn(door, tenant.client, { id, spans: circle('self') })
    await sendIn(door, tenant.client, { id, spans: circle('a', 'b', 'c').slice(1) })
    await sendIn(door, tenant.client, { id, spans: circle('a', 'b', 'c') })
    const tree = await drawSpans(tenant.client, id)
    expect(tree.flatMap((node) => outline([node]).match(/\w+/g) ?? []).toSorted()).toEqual(['a', 'b', 'c', 'self'])
    expect((await tenant.client.ask(TraceDocument, { id })).trace).toMatchObject({ spanCount: 4, status: 'RUNNING' })
  })
})
