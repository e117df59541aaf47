import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  NamedTraceEventsDocument,
  type NamedTraceEventsSubscription,
  WideTraceEventsDocument,
} from './generated/documents.ts'
import { readFeedRows } from './harness/feed-rows.ts'
import { createGraphQLClient, type GraphQLClient } from './harness/graphql-client.ts'
import { freshId, ingest, post } from './harness/ingest.ts'
import { readMetric } from './harness/metrics.ts'
import { type PacedLive, pacedTransports } from './harness/paced-client.ts'
import { createPrograms, type Program, type Programs, settingsOf } from './harness/program.ts'
import { serverEndOf } from './harness/server-ends.ts'
import { makeTenant, type TestTenant } from './harness/tenant.ts'
import { createBackend, startTestApp, type TestApp, type TestBackend } from './harness/test-app.ts'
import { until } from './harness/until.ts'

/** Each event is of more than 1 KB: 5,000 are more than the 4 MB that the kernel takes for a socket nobody reads. */
const name = 'n'.repeat(1_000)
const many = 5_000
/** 64 KB, and one event more. */
const mostWaiting = 70_000
/** Loose, for a machine that is busy with other tests: who waited for one that doesn't read would wait for ever. */
const promptMs = 10_000
const openSubscriptions = 'tracemend_open_subscriptions'

type Watching = PacedLive<NamedTraceEventsSubscription>

/** As many events, in requests one after the other. */
async function happen(client: GraphQLClient, count: number, contents: object = { name }): Promise<void> {
  const batch = Math.min(count, 'output' in contents ? 20 : 100)
  for (let sent = 0; sent < count; sent += batch) {
    const traces = Array.from({ length: Math.min(batch, count - sent) }, () => ({ id: freshId(), ...contents }))
    expect((await post(client, { traces })).body).toMatchObject({ accepted: traces.length, rejected: 0 })
  }
}

async function untilPrompt({ results }: PacedLive<unknown>, count: number): Promise<void> {
  const since = Date.now()
  await until(() => results.length >= count)
  expect(Date.now() - since).toBeLessThan(promptMs)
}

describe.each(pacedTransports)('one who does not keep up over $name', { timeout: 120_000 }, ({ open }) => {
  let app: TestApp
  let tenant: TestTenant
  let cursor: string
  let watchers: Watching[] = []

  beforeAll(async () => {
    app = await startTestApp({ limits: { requestsPerMinute: 0 } })
  })
  beforeEach(async () => {
    tenant = await makeTenant(app)
    cursor = (await ingest(tenant.client, { id: freshId() })).cursor
  })
  afterEach(async () => {
    for (const each of watchers) each.vanish()
    watchers = []
    await until(async () => (await readMetric(app.url, openSubscriptions)) === 0)
  })
  afterAll(() => app.close())

  function watch(bytesPerSecond?: number, filter: object = {}) {
    const place = { url: app.url, key: tenant.key, ...(bytesPerSecond && { bytesPerSecond }) }
    const watching = open(place, NamedTraceEventsDocument, { filter, after: cursor })
    watchers.push(watching)
    return watching
  }

  /** Who has the first event in hand is subscribed; from then on it takes nothing any more. */
  async function pauseAll(paused: Watching[]): Promise<void> {
    await happen(tenant.client, 1)
    await until(() => paused.every(({ results }) => results.length === 1))
    for (const each of paused) each.pause()
  }

  /** What waits in this process for who doesn't take it: node has it, and the kernel hasn't. */
  function waitingFor(watching: Watching): number {
    return serverEndOf(watching.localPort()).writableLength
  }

  async function mostWaitingFor(watching: Watching[], run: () => Promise<void>): Promise<number> {
    let most = 0
    const looking = setInterval(() => {
      most = Math.max(most, ...watching.map(waitingFor))
    }, 5)
    try {
      await run()
    } finally {
      clearInterval(looking)
    }
    return most
  }

  async function expectToldAll(...watching: Watching[]): Promise<void> {
    const rows = await readFeedRows(app.backend.database.url, tenant.id)
    // The first was there before the cursor.
    const stored = rows.slice(1).map(({ kind, traceId }) => `${kind} ${traceId}`)
    for (const { results, ended } of watching) {
      const told = results.map(({ data }) => `${data?.traceEvents.kind} ${data?.traceEvents.traceId}`)
      expect(told).toEqual(stored)
      expect(ended).toBeNull()
    }
  }

  test('who reads nothing holds little, delays nobody, and is told all when it reads again', async () => {
    const fast = watch()
    // One that shares what it is told with the fast one, and one that asks for it alone.
    const paused = [watch(), watch(undefined, { not: { model: 'none' } })]
    await pauseAll(paused)
    const most = await mostWaitingFor(paused, async () => {
      await happen(tenant.client, many - 1)
      await untilPrompt(fast, many)
      await until(() => paused.every((each) => waitingFor(each) > 0))
    })
    expect(most).toBeLessThan(mostWaiting)
    for (const each of paused) {
      expect(each.results).toHaveLength(1)
      each.resume()
    }
    await until(() => paused.every(({ results }) => results.length >= many))
    await expectToldAll(fast, ...paused)
  })

  test.each([
    { bytesPerSecond: 2_000, count: 150 },
    { bytesPerSecond: 100_000, count: many },
  ])('who reads $bytesPerSecond bytes a second is told all, and delays nobody', async ({ bytesPerSecond, count }) => {
    const fast = watch()
    const slow = watch(bytesPerSecond)
    await until(async () => (await readMetric(app.url, openSubscriptions)) === 2)
    const most = await mostWaitingFor([fast, slow], async () => {
      await happen(tenant.client, count)
      await untilPrompt(fast, count)
      expect(slow.results.length).toBeLessThan(count)
      slow.hurry()
      await until(() => slow.results.length >= count)
    })
    expect(most).toBeLessThan(mostWaiting)
    await expectToldAll(fast, slow)
  })

  test('two hundred who read nothing delay nobody, not even when all of them read again', async () => {
    const count = 500
    const paused = Array.from({ length: 200 }, () => watch())
    await pauseAll(paused)
    const fast = watch()
    await happen(tenant.client, count - 1)
    await untilPrompt(fast, count)
    for (const each of paused) each.resume()
    await happen(tenant.client, count)
    await untilPrompt(fast, 2 * count)
    await until(() => paused.every(({ results }) => results.length >= 2 * count))
    await expectToldAll(fast, ...paused)
  })

  test('who vanishes while much is on its way frees its subscription', async () => {
    const paused = Array.from({ length: 5 }, (_, n) => watch(undefined, { not: { model: `${n % 2}` } }))
    await pauseAll(paused)
    await happen(tenant.client, many)
    await until(() => paused.every((each) => waitingFor(each) > 0))
    expect(await readMetric(app.url, openSubscriptions)).toBe(5)
    for (const each of paused) each.vanish()
    await until(async () => (await readMetric(app.url, openSubscriptions)) === 0)
  })
})

describe('wide events', { timeout: 120_000 }, () => {
  let backend: TestBackend
  let programs: Programs
  let program: Program
  let client: GraphQLClient

  beforeAll(async () => {
    backend = await createBackend()
    programs = await createPrograms()
    program = programs.start({ ...settingsOf(backend), TRACEMEND_MAX_REQUESTS_PER_MINUTE: '0' }, 'src/main.ts')
    client = createGraphQLClient(await program.address(), backend.operatorKey)
  })
  afterAll(async () => {
    await programs.end()
    await backend.close()
  })

  const megabyte = 1_000_000
  const wide = { messages: ['m'.repeat(50_000)], output: 'o'.repeat(50_000) }
  const count = 400
  const groups = 16
  /** Half of what eight hold who keep 400 events of 100 KB for one that doesn't take them, as text and as bytes. */
  const mostMegabytes = 400

  async function usedMegabytes(): Promise<number> {
    const series = ['nodejs_heap_size_used_bytes', 'nodejs_external_memory_bytes']
    const used = await Promise.all(series.map((each) => readMetric(client.url, each)))
    return Math.round(used.reduce((sum, each) => sum + each, 0) / megabyte)
  }

  test.each(pacedTransports)('do not pile up for who reads nothing over $name', async ({ open }) => {
    const { cursor } = await ingest(client, { id: freshId() })
    const place = { url: client.url, key: backend.operatorKey }
    const watch = (group: number) =>
      open(place, WideTraceEventsDocument, { filter: { not: { model: `${group}` } }, after: cursor })
    // Of those who read nothing, half ask for the same as one who reads, and half for what nobody else asks for.
    const reading = Array.from({ length: groups / 2 }, (_, group) => watch(group))
    const paused = Array.from({ length: groups }, (_, group) => watch(group))
    await happen(client, 1, wide)
    await until(() => paused.every(({ results }) => results.length === 1))
    for (const each of paused) each.pause()

    const before = await usedMegabytes()
    await happen(client, count - 1, wide)
    await until(() => reading.every(({ results }) => results.length >= count))
    // What is garbage goes by and by; what piles up stays.
    await until(async () => (await usedMegabytes()) < before + mostMegabytes)
    for (const each of paused) {
      expect(each.results).toHaveLength(1)
      each.resume()
    }
    await until(() => paused.every(({ results }) => results.length >= count))

    const told = [...reading, ...paused].map(({ results }) => results.map(({ data }) => data?.traceEvents))
    const ids = told[0]?.map((event) => event?.traceId)
    expect(new Set(ids).size).toBe(count)
    for (const each of told) {
      expect(each.map((event) => event?.traceId)).toEqual(ids)
      for (const event of each) expect(event?.trace).toEqual(wide)
    }
    for (const each of [...reading, ...paused]) each.vanish()
    await until(async () => (await readMetric(client.url, openSubscriptions)) === 0)
  })
})
