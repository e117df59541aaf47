import { afterAll, beforeAll, expect, test } from 'vitest'
import { TraceEventsDocument } from './generated/documents.ts'
import { momentOf, watch } from './harness/events.ts'
import { freshId, ingest } from './harness/ingest.ts'
import { transports } from './harness/live-client.ts'
import { naming, recordStatements } from './harness/statements.ts'
import { makeKey, makeTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'
import { until } from './harness/until.ts'

let app: TestApp

beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.close())

const readsOfTraces = (texts: readonly string[]) =>
  naming('traces', texts).filter((text) => text.trimStart().startsWith('select') && text.includes('t.id = any'))

test('who asks the same and may see the same is told what was read once; others have it read for themselves', async () => {
  const { client } = await makeTenant(app)
  const [reader, colleague] = [await makeKey(client), await makeKey(client)]
  const editor = await makeKey(client, { scopes: ['READ', 'EDIT'] })
  // All are at the head of the feed before it is counted: the first event is for that.
  const after = await momentOf(client)
  await ingest(client, { id: freshId('first') })
  const open = ({ secret: key }: { secret: string }) =>
    transports.map(({ subscribe }) => watch({ url: app.url, key }, TraceEventsDocument, { after }, subscribe))
  const same = [reader, reader, reader, colleague, colleague].flatMap(open)
  const other = open(editor)
  await Promise.all([...same, ...other].map((each) => each.told(1)))

  const { texts } = await recordStatements(async () => {
    await ingest(client, { id: freshId('second') })
    await Promise.all([...same, ...other].map((each) => each.told(2)))
  })
  expect(readsOfTraces(texts)).toHaveLength(2)
  const seconds = same.map((each) => each.live.results[1])
  for (const second of seconds) expect(second).toEqual(seconds[0])
  await Promise.all([...same, ...other].map((each) => each.close()))
})

test('tenants share nothing, though they ask the same of traces that are called the same', async () => {
  const tenants = [await makeTenant(app), await makeTenant(app)]
  const id = freshId()
  const watched = await Promise.all(
    tenants.map(async ({ client }) => watch(client, TraceEventsDocument, { after: await momentOf(client) })),
  )
  for (const [index, { client }] of tenants.entries()) {
    await ingest(client, { id, spans: Array.from({ length: index + 1 }, (_, n) => ({ id: `${n}`, name: 'step' })) })
  }
  for (const [index, each] of watched.entries()) {
    expect((await each.told(1)).map(({ trace }) => trace?.spanCount)).toEqual([index + 1])
    await each.close()
  }
})

test('what is read for an event is as new as the event, each time', async () => {
  const { client } = await makeTenant(app)
  const id = freshId()
  const document = `subscription ($after: String) { traceEvents(after: $after) { trace { output } } }`
  const after = await momentOf(client)
  const lives = transports.map(({ subscribe }) =>
    subscribe<{ traceEvents: { trace: { output: unknown } } }, object>({ url: app.url, key: client.key }, document, {
      after,
    }),
  )
  for (let round = 1; round <= 5; round++) {
    await ingest(client, { id, output: { round } })
    await until(() => lives.every(({ results }) => results.length === round))
    for (const { results } of lives) {
      expect(results.at(-1)?.data?.traceEvents.trace.output).toEqual({ round })
    }
  }
  await Promise.all(lives.map((live) => live.close()))
})
