import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  DeleteTracesDocument,
  SetTraceOutcomeDocument,
  TraceEventsDocument,
  type TraceEventsSubscription,
  type TraceFilter,
  TraceIdsDocument,
  type TraceInput,
} from './generated/documents.ts'
import { momentOf, watch } from './harness/events.ts'
import type { GraphQLClient } from './harness/graphql-client.ts'
import { freshId, ingest } from './harness/ingest.ts'
import { makeTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'
import { until } from './harness/until.ts'

let app: TestApp

beforeAll(async () => {
  app = await startTestApp({ workers: true })
})
afterAll(() => app.close())

type TraceEvent = TraceEventsSubscription['traceEvents']

/** What a client shows that keeps to what it is told. */
function viewOf(events: readonly TraceEvent[]): string[] {
  const view = new Set<string>()
  for (const { kind, matches, traceId } of events) {
    if (matches && kind !== 'DELETED') view.add(traceId)
    else view.delete(traceId)
  }
  return [...view].sort()
}

async function listOf(client: GraphQLClient, filter: TraceFilter): Promise<string[]> {
  const { traces } = await client.ask(TraceIdsDocument, { filter })
  return traces.nodes.map(({ id }) => id).sort()
}

const ids = ['t1', 't2', 't3', 't4', 't5']
const status = fc.constantFrom('RUNNING' as const, 'COMPLETED' as const, 'FAILED' as const, 'TIMED_OUT' as const)
const metadata = fc.constantFrom({ a: 1 }, { b: { c: 2 } }, { a: 1, d: [1, 2] })
const word = fc.constantFrom('refund', 'order', 'weather')
const time = fc.integer({ min: 0, max: 9 }).map((second) => `2026-11-20T10:00:0${second}.000Z`)

/** Contents grow, and nothing in them is replaced: see PROTOCOL.md. */
const piece: fc.Arbitrary<TraceInput> = fc.record(
  {
    id: fc.constantFrom(...ids),
    agent: fc.constantFrom('planner', 'writer'),
    promptName: fc.constantFrom('triage', 'answer'),
    status,
    success: fc.boolean(),
    outcome: fc.constantFrom('good', 'bad'),
    model: fc.constantFrom('gpt-4o', 'claude'),
    tags: fc.subarray(['red', 'blue']),
    userId: fc.constantFrom('u1', 'u2'),
    cost: fc.constantFrom('0.5', '2'),
    totalTokens: fc.integer({ min: 0, max: 3 }),
    durationMs: fc.integer({ min: 0, max: 3 }),
    startedAt: time,
    metadata,
    spans: word.map((output) => [{ id: `say-${output}`, name: 'say', output }]),
  },
  { requiredKeys: ['id'] },
)

type Step = { piece: TraceInput } | { delete: string } | { outcome: string; success: boolean }
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: piece.map((each) => ({ piece: each })) },
  { weight: 1, arbitrary: fc.constantFrom(...ids).map((id) => ({ delete: id })) },
  { weight: 2, arbitrary: fc.record({ outcome: fc.constantFrom(...ids), success: fc.boolean() }) },
)

const rowFilter: fc.Arbitrary<TraceFilter> = fc.record(
  {
    ids: fc.subarray(ids, { minLength: 1 }),
    agents: fc.subarray(['planner', 'writer', 'nobody']),
    status: fc.subarray(['RUNNING' as const, 'FAILED' as const, 'COMPLETED' as const], { minLength: 1 }),
    success: fc.boolean(),
    outcome: fc.constantFrom('good', 'bad'),
    promptName: fc.constantFrom('triage', 'answer'),
    model: fc.constantFrom('gpt-4o', 'claude'),
    tagsAll: fc.subarray(['red', 'blue']),
    tagsAny: fc.subarray(['red', 'blue'], { minLength: 1 }),
    userId: fc.constantFrom('u1', 'u2'),
    cost: fc.constantFrom({ gte: '1' }, { lt: '1' }),
    totalTokens: fc.constantFrom({ gte: 2 }, { lt: 2 }),
    durationMs: fc.constantFrom({ gte: 2 }, { lt: 2 }),
    startedAt: fc.record({ gte: time }),
  },
  { requiredKeys: [] },
)
const someOf = (filter: fc.Arbitrary<TraceFilter>) =>
  filter.map((whole) => Object.fromEntries(Object.entries(whole).slice(0, 2)) as TraceFilter)
const filter: fc.Arbitrary<TraceFilter> = fc.oneof(
  someOf(rowFilter),
  fc.record({ not: someOf(rowFilter) }),
  fc.record(
    { or: fc.array(someOf(rowFilter), { minLength: 1, maxLength: 2 }), search: word },
    { requiredKeys: ['or'] },
  ),
  fc.record({ and: fc.array(someOf(rowFilter), { maxLength: 2 }), metadata }),
  fc.record({ search: fc.oneof(word, fc.constantFrom('tri', 'gpt')) }),
)

test('a view that follows the events of a filter shows what the list of it shows', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 10, maxLength: 30 }),
      fc.array(filter, { minLength: 8, maxLength: 12 }),
      fc.nat(),
      async (steps, filters, seed) => {
        const { client } = await makeTenant(app)
        const after = await momentOf(client)
        const watched = [{}, ...filters].map((each) => watch(client, TraceEventsDocument, { filter: each, after }))
        // Two at a time: some change the same trace at once.
        for (let index = 0; index < steps.length; index += 2) {
          await Promise.all(steps.slice(index, index + 2).map((each) => take(client, each)))
        }
        const last = freshId('last')
        await ingest(client, { id: last })
        await app.drain()
        const [all, ...others] = watched
        await until(() => all?.events().some(({ traceId }) => traceId === last))
        const told = all?.events() ?? []
        for (const [index, each] of others.entries()) {
          const wanted = filters[index] as TraceFilter
          const list = await listOf(client, wanted)
          await until(() => JSON.stringify(viewOf(each.events())) === JSON.stringify(list)).catch(() => {
            expect({ wanted, view: viewOf(each.events()) }).toEqual({ wanted, view: list })
          })
          // Some have gone away in the midst of it, and come back.
          const cut = told[seed % told.length]?.cursor as string
          const before = each.events().filter(({ cursor }) => isUpTo(told, cursor, cut))
          const again = watch(client, TraceEventsDocument, { filter: wanted, after: cut })
          await until(() => JSON.stringify(viewOf([...before, ...again.events()])) === JSON.stringify(list)).catch(
            () => {
              const view = viewOf([...before, ...again.events()])
              expect({ wanted, resumed: true, view }).toEqual({ wanted, resumed: true, view: list })
            },
          )
          await again.close()
        }
        await Promise.all(watched.map((each) => each.close()))
      },
    ),
    // One that fails waits half a minute: there is no time to look for a smaller one.
    { numRuns: 15, endOnFailure: true },
  )
})

test('a trace leaves a view also where it was deleted, and made again, before anybody was told', async () => {
  const { client } = await makeTenant(app)
  const wanted = { success: true, metadata: { a: 1 } }
  await ingest(client, { id: 't', success: true, metadata: { a: 1 } })
  const after = await momentOf(client)
  await ingest(client, { id: 't', success: false })
  await client.ask(DeleteTracesDocument, { ids: ['t'] })
  await ingest(client, { id: 't', success: true })
  const view = watch(client, TraceEventsDocument, { filter: wanted, after })
  expect(await view.told(1)).toMatchObject([{ kind: 'UPDATED', traceId: 't', matches: false }])
  await view.close()
})

function isUpTo(told: readonly TraceEvent[], cursor: string, cut: string): boolean {
  const place = (wanted: string) => told.findIndex((event) => event.cursor === wanted)
  return place(cursor) <= place(cut)
}

async function take(client: GraphQLClient, each: Step): Promise<void> {
  if ('piece' in each) await ingest(client, each.piece)
  else if ('delete' in each) await client.ask(DeleteTracesDocument, { ids: [each.delete] })
  else await client.send(SetTraceOutcomeDocument, { traceId: each.outcome, success: each.success })
}
