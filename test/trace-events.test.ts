import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  DeleteTracesDocument,
  SetTraceOutcomeDocument,
  SpanEventsDocument,
  TraceEventKindsDocument,
  TraceEventsDocument,
} from './generated/documents.ts'
import { momentOf, watch } from './harness/events.ts'
import { freshId, ingest, llmSpan } from './harness/ingest.ts'
import { transports } from './harness/live-client.ts'
import { readMetric } from './harness/metrics.ts'
import { makeTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'
import { until } from './harness/until.ts'

let app: TestApp

beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.close())

/** What has happened to one trace, told to who begins at that cursor. */
async function kindsOf(id: string, after: string, count: number) {
  const watched = watch(app.client(), TraceEventKindsDocument, { after, filter: { ids: [id] } })
  const events = await watched.told(count)
  // Whatever else there may be has been told when something later has.
  const last = freshId('last')
  const rest = watch(app.client(), TraceEventKindsDocument, { after })
  await ingest(app.client(), { id: last })
  await until(() => rest.events().some(({ traceId }) => traceId === last))
  expect(watched.events()).toHaveLength(count)
  await Promise.all([watched.close(), rest.close()])
  return events.map(({ kind }) => kind)
}

describe.each(transports)('traceEvents over $name', ({ subscribe }) => {
  test('begin now, and tell each event once and in order', async () => {
    const [before, id] = [freshId(), freshId()]
    await ingest(app.client(), { id: before })
    const watched = watch(app.client(), TraceEventsDocument, {}, subscribe)
    await until(async () => (await readMetric(app.url, 'tracemend_open_subscriptions')) === 1)
    await ingest(app.client(), { id, spans: [{ id: 'a', name: 'step' }] })
    await ingest(app.client(), { id, status: 'COMPLETED', success: true })
    const events = await watched.told(3)
    expect(events).toMatchObject([
      { kind: 'CREATED', traceId: id, matches: true, trace: { id, spanCount: 1 } },
      { kind: 'UPDATED', traceId: id, trace: { status: 'COMPLETED', success: true } },
      { kind: 'FINISHED', traceId: id, trace: { status: 'COMPLETED' } },
    ])
    await watched.close()
    await until(async () => (await readMetric(app.url, 'tracemend_open_subscriptions')) === 0)
  })

  test('resume behind every event that was told, and behind every receipt', async () => {
    const client = app.client()
    const after = await momentOf(client)
    const receipts: string[] = []
    for (const name of ['one', 'two', 'three']) {
      receipts.push((await ingest(client, { id: freshId(name), status: 'FAILED' }, { id: freshId(name) })).cursor)
    }
    const whole = watch(client, TraceEventKindsDocument, { after }, subscribe)
    const events = await whole.told(9)
    await whole.close()
    for (const [index, { cursor }] of events.entries()) {
      const rest = watch(client, TraceEventKindsDocument, { after: cursor }, subscribe)
      if (index < 8) expect(await rest.told(8 - index)).toEqual(events.slice(index + 1))
      await rest.close()
    }
    for (const [index, cursor] of receipts.slice(0, 2).entries()) {
      const rest = watch(client, TraceEventKindsDocument, { after: cursor }, subscribe)
      expect(withoutCursors(await rest.told(6 - 3 * index))).toEqual(withoutCursors(events.slice(3 * index + 3)))
      await rest.close()
    }
  })
})

function withoutCursors(events: readonly { kind: string; traceId: string }[]) {
  return events.map(({ kind, traceId }) => ({ kind, traceId }))
}

describe('a batch', () => {
  test('that changes nothing makes no event', async () => {
    const client = app.client()
    const after = await momentOf(client)
    const trace = { id: freshId(), status: 'COMPLETED' as const, metadata: { a: 1 }, spans: [llmSpan('a')] }
    for (let time = 0; time < 3; time++) await ingest(client, trace)
    expect(await kindsOf(trace.id, after, 2)).toEqual(['CREATED', 'FINISHED'])
  })

  test('tells of a trace that finishes each time that it does', async () => {
    const client = app.client()
    const after = await momentOf(client)
    const id = freshId()
    await ingest(client, { id, spans: [{ id: 'a', name: 'step', startedAt: '2026-11-20T10:00:00Z' }] })
    await ingest(client, { id, spans: [{ id: 'a', name: 'step', endedAt: '2026-11-20T10:00:01Z' }] })
    // Another root: it runs again.
    await ingest(client, { id, spans: [{ id: 'b', name: 'more', startedAt: '2026-11-20T10:00:02Z' }] })
    await ingest(client, { id, spans: [{ id: 'b', name: 'more', errorMessage: 'no' }] })
    const kinds = await kindsOf(id, after, 6)
    expect(kinds).toEqual(['CREATED', 'UPDATED', 'FINISHED', 'UPDATED', 'UPDATED', 'FINISHED'])
  })
})

test('outcomes and removals are told; an outcome that is set once more is not', async () => {
  const client = app.client()
  const after = await momentOf(client)
  const id = freshId()
  await ingest(client, { id, status: 'COMPLETED' })
  for (let time = 0; time < 2; time++) {
    await client.ask(SetTraceOutcomeDocument, { traceId: id, success: false, outcome: 'wrong' })
  }
  await client.ask(DeleteTracesDocument, { ids: [id] })
  await ingest(client, { id })
  expect(await kindsOf(id, after, 5)).toEqual(['CREATED', 'FINISHED', 'UPDATED', 'DELETED', 'CREATED'])
})

test('a trace is told as it is now, and null where it is gone', async () => {
  const client = app.client()
  const after = await momentOf(client)
  const [changed, gone] = [freshId('changed'), freshId('gone')]
  await ingest(client, { id: changed }, { id: gone })
  await ingest(client, { id: changed, status: 'FAILED' })
  await client.ask(DeleteTracesDocument, { ids: [gone] })
  const watched = watch(client, TraceEventsDocument, { after })
  const events = await watched.told(5)
  expect(events.map(({ kind, traceId, trace }) => [kind, traceId, trace?.status ?? null])).toEqual([
    ['CREATED', changed, 'FAILED'],
    ['CREATED', gone, null],
    ['UPDATED', changed, 'FAILED'],
    ['FINISHED', changed, 'FAILED'],
    ['DELETED', gone, null],
  ])
  await watched.close()
})

test('nothing is told of another tenant, whatever id or cursor is given', async () => {
  const [one, other] = [await makeTenant(app), await makeTenant(app)]
  const id = freshId()
  const { cursor } = await ingest(one.client, { id: freshId() })
  const after = await momentOf(other.client)
  const traces = watch(other.client, TraceEventKindsDocument, { after, filter: { ids: [id] } })
  const spans = watch(other.client, SpanEventsDocument, { after, traceId: id })
  await ingest(one.client, { id, spans: [{ id: 'theirs', name: 'step' }] })
  await ingest(other.client, { id, spans: [{ id: 'ours', name: 'step' }] })
  expect(await traces.told(1)).toMatchObject([{ kind: 'CREATED' }])
  expect(await spans.told(1)).toMatchObject([{ spanId: 'ours' }])
  await Promise.all([traces.close(), spans.close()])

  const refused = watch(other.client, TraceEventKindsDocument, { after: cursor })
  await until(() => refused.live.ended)
  expect(refused.live.results).toMatchObject([{ errors: [{ extensions: { code: 'INVALID_INPUT', field: 'after' } }] }])
})

describe.each(transports)('a subscription over $name that is asked for wrongly', ({ subscribe }) => {
  test.each([
    ['a cursor that was made up', { after: 'bm90IGEgY3Vyc29y' }, 'after'],
    ['an empty cursor', { after: '' }, 'after'],
    ['a filter that is too long', { filter: { search: 'x'.repeat(10_000) } }, 'filter.search'],
  ])('is refused with the field: %s', async (_, variables, field) => {
    const watched = watch(app.client(), TraceEventKindsDocument, variables, subscribe)
    await until(() => watched.live.ended)
    expect(watched.live.results).toMatchObject([{ errors: [{ extensions: { code: 'INVALID_INPUT', field } }] }])
    expect(watched.live.ended).toBe(true)
  })
})

describe('spanEvents', () => {
  test('tell of every span that is new or changed, of one trace, from before it was there', async () => {
    const client = app.client()
    const id = freshId()
    const after = await momentOf(client)
    const watched = watch(client, SpanEventsDocument, { traceId: id, after })
    await ingest(client, { id: freshId('other'), spans: [{ id: 'x', name: 'step' }] })
    await ingest(client, {
      id,
      spans: [
        { id: 'b', name: 'second' },
        { id: 'a', name: 'first' },
      ],
    })
    await ingest(client, { id, spans: [{ id: 'b', name: 'second', output: 'done' }] })
    await ingest(client, { id, status: 'COMPLETED' })
    await ingest(client, { id, spans: [{ id: 'c', name: 'third' }] })
    const events = await watched.told(4)
    expect(events.map(({ spanId }) => spanId)).toEqual(['a', 'b', 'b', 'c'])
    expect(events.at(-1)?.span).toMatchObject({ name: 'third' })
    await watched.close()
  })

  test('resume behind every one of them, also among those of one batch', async () => {
    const client = app.client()
    const id = freshId()
    const after = await momentOf(client)
    for (const batch of ['x', 'y']) {
      const spans = Array.from({ length: 3 }, (_, index) => ({ id: `${batch}${index}`, name: 'step' }))
      await ingest(client, { id, spans })
    }
    const whole = watch(client, SpanEventsDocument, { traceId: id, after })
    const events = await whole.told(6)
    await whole.close()
    expect(events.map(({ spanId }) => spanId)).toEqual(['x0', 'x1', 'x2', 'y0', 'y1', 'y2'])
    for (const [index, { cursor }] of events.slice(0, -1).entries()) {
      const rest = watch(client, SpanEventsDocument, { traceId: id, after: cursor })
      expect(await rest.told(5 - index)).toEqual(events.slice(index + 1))
      await rest.close()
    }
  })

  test('tell that spans are gone with their trace', async () => {
    const client = app.client()
    const id = freshId()
    await ingest(client, { id, spans: [llmSpan('a'), llmSpan('b')] })
    const after = await momentOf(client)
    await client.ask(DeleteTracesDocument, { ids: [id] })
    const watched = watch(client, SpanEventsDocument, { traceId: id, after })
    expect((await watched.told(2)).map(({ spanId, span }) => [spanId, span])).toEqual([
      ['a', null],
      ['b', null],
    ])
    await watched.close()
  })
})
