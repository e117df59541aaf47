import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DeleteReasoningDocument, ReasoningEventsDocument, TraceEventKindsDocument } from './generated/documents.ts'
import { momentOf, watch } from './harness/events.ts'
import { freshId, ingest } from './harness/ingest.ts'
import { transports } from './harness/live-client.ts'
import { storeReasoning } from './harness/reasoning.ts'
import { makeTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'

let app: TestApp

beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.close())

describe.each(transports)('reasoningEvents over $name', ({ subscribe }) => {
  test('tell each record once and in order, and go on where somebody was', async () => {
    const { client } = await makeTenant(app)
    const after = await momentOf(client)
    const watched = watch(client, ReasoningEventsDocument, { after }, subscribe)
    const stored: string[] = []
    for (const agent of ['one', 'two', 'one']) stored.push((await storeReasoning(client, { agent })).id)
    const events = await watched.told(3)
    expect(events.map(({ trace }) => trace.id)).toEqual(stored)
    expect(events[0]).toMatchObject({ trace: { summary: 'Offer an upgrade', agent: { name: 'one' } } })

    const filtered = watch(client, ReasoningEventsDocument, {
      after: events[0]?.cursor ?? '',
      filter: { agent: 'one' },
    })
    expect((await filtered.told(1)).map(({ trace }) => trace.id)).toEqual([stored[2]])
    const rest = watch(client, ReasoningEventsDocument, { after: events[1]?.cursor ?? '' }, subscribe)
    expect((await rest.told(1)).map(({ trace }) => trace.id)).toEqual([stored[2]])
    await Promise.all([watched.close(), filtered.close(), rest.close()])
  })

  test('tell no trace, and those of traces no record; the cursors of either are good for both', async () => {
    const { client } = await makeTenant(app)
    const after = await momentOf(client)
    const [first, second] = [freshId(), freshId()]
    await ingest(client, { id: first })
    const one = await storeReasoning(client)
    await ingest(client, { id: second })
    const two = await storeReasoning(client)
    const reasons = watch(client, ReasoningEventsDocument, { after }, subscribe)
    const traces = watch(client, TraceEventKindsDocument, { after }, subscribe)
    const narrow = watch(client, TraceEventKindsDocument, { after, filter: { ids: [one.id, second] } }, subscribe)
    const told = await reasons.told(2)
    expect(told.map(({ trace }) => trace.id)).toEqual([one.id, two.id])
    expect((await traces.told(2)).map(({ traceId }) => traceId)).toEqual([first, second])
    expect((await narrow.told(1)).map(({ traceId }) => traceId)).toEqual([second])
    const later = watch(client, TraceEventKindsDocument, { after: told[0]?.cursor ?? '' }, subscribe)
    expect((await later.told(1)).map(({ traceId }) => traceId)).toEqual([second])
    await Promise.all([reasons, traces, narrow, later].map((each) => each.close()))
  })
})

test('a record that is deleted is told to nobody who comes later', async () => {
  const { client } = await makeTenant(app)
  const after = await momentOf(client)
  const gone = await storeReasoning(client)
  await client.ask(DeleteReasoningDocument, { id: gone.id })
  const there = await storeReasoning(client)
  const watched = watch(client, ReasoningEventsDocument, { after })
  expect((await watched.told(1)).map(({ trace }) => trace.id)).toEqual([there.id])
  await watched.close()
})

test('another tenant is told nothing', async () => {
  const [owner, stranger] = [await makeTenant(app), await makeTenant(app)]
  const after = await momentOf(stranger.client)
  const watched = watch(stranger.client, ReasoningEventsDocument, { after })
  await storeReasoning(owner.client)
  const own = await storeReasoning(stranger.client)
  expect((await watched.told(1)).map(({ trace }) => trace.id)).toEqual([own.id])
  await watched.close()
})

test('a filter that is wrong is refused by its place', async () => {
  const { client } = await makeTenant(app)
  const watched = watch(client, ReasoningEventsDocument, { filter: { agent: 'x'.repeat(1_001) } })
  await expect(async () => {
    await watched.told(1)
  }).rejects.toThrow('filter.agent')
  await watched.close()
})
