import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  AgentsDocument,
  DeleteTracesDocument,
  SetTraceOutcomeDocument,
  SpansDocument,
  TraceDocument,
  TraceIdsDocument,
  ViewerDocument,
} from './generated/documents.ts'
import type { GraphQLClient } from './harness/graphql-client.ts'
import { freshId, llmSpan, post } from './harness/ingest.ts'
import { makeTenant } from './harness/tenant.ts'
import { createBackend, startTestApp, type TestApp, type TestBackend } from './harness/test-app.ts'

/** Two processes' worth of the product on one database: what races in one may race across them. */
let backend: TestBackend
let apps: [TestApp, TestApp]

beforeAll(async () => {
  backend = await createBackend()
  apps = await Promise.all([startTestApp({ backend, workers: true }), startTestApp({ backend })])
})
afterAll(async () => {
  for (const app of apps) {
    expect(app.log.lines.filter(({ level }) => level >= 50)).toEqual([])
    await app.close()
  }
  await backend.close()
})

/** One client at each process. */
async function makeClients(input = {}): Promise<[GraphQLClient, GraphQLClient]> {
  const { key, client } = await makeTenant(apps[0], input)
  return [client, apps[1].client(key)]
}

/** All at once, by turns at either process. */
function postAll(clients: readonly GraphQLClient[], batches: readonly object[][]) {
  return Promise.all(batches.map((traces, n) => post(clients[n % 2] as GraphQLClient, { traces })))
}

function statusesOf(answers: readonly { status: number }[]): number[] {
  return [...new Set(answers.map(({ status }) => status))].toSorted()
}

const usageOf = async (client: GraphQLClient) => (await client.ask(ViewerDocument)).viewer.tenant.usage

describe('at once', () => {
  test('30 first batches of one trace, each with spans of its own and one of all, are one trace with all spans', async () => {
    const clients = await makeClients()
    const id = freshId()
    const batches = Array.from({ length: 30 }, (_, n) => [
      {
        id,
        agent: `agent ${n % 3}`,
        tags: [`${n}`],
        metadata: { [`key${n}`]: n },
        spans: [
          llmSpan('shared', { input: 'of all' }),
          ...[0, 1, 2].map((own) => llmSpan(`${n}-${own}`, { input: n })),
        ],
      },
    ])
    expect(statusesOf(await postAll(clients, batches))).toEqual([200])
    const { trace } = await clients[0].ask(TraceDocument, { id })
    expect(trace).toMatchObject({
      spanCount: 91,
      errorCount: 0,
      inputTokens: 91_000,
      outputTokens: 9_100,
      totalTokens: 100_100,
      // 1,000 tokens in at $2.50 and 100 out at $10 a million: $0.0035 a span.
      cost: '0.3185',
      status: 'COMPLETED',
      agent: { name: 'agent 2' },
    })
    expect(trace?.tags).toHaveLength(30)
    expect((await clients[1].ask(SpansDocument, { id, first: 1_000 })).trace?.spans.edges).toHaveLength(91)
    expect(await usageOf(clients[0])).toMatchObject({ traces: 1, spans: 91 })
  })

  test('batches that share some of many new traces, each in an order of its own, get none in the way', async () => {
    const clients = await makeClients()
    const ids = Array.from({ length: 12 }, () => freshId())
    const batches = Array.from({ length: 24 }, (_, n) =>
      ids
        .filter((_, index) => (index + n) % 3 > 0)
        .map((id) => ({ id, spans: [llmSpan(`${n}`), llmSpan('shared', { parentId: `${n % 2}` })] }))
        .toSorted((one, other) => (one.id > other.id === n % 2 > 0 ? 1 : -1)),
    )
    expect(statusesOf(await postAll(clients, batches))).toEqual([200])
    for (const id of ids) {
      const { trace } = await clients[0].ask(TraceDocument, { id })
      expect(trace).toMatchObject({ spanCount: 17, inputTokens: 17_000, status: 'COMPLETED' })
    }
    expect(await usageOf(clients[0])).toMatchObject({ traces: 12, spans: 12 * 17 })
  })

  test('20 traces that name an agent for the first time make one agent', async () => {
    const clients = await makeClients()
    const names = ['first', 'second', 'third']
    const batches = Array.from({ length: 20 }, (_, n) =>
      [0, 1, 2].map((turn) => ({ id: freshId(), agent: names[(n + turn) % 3] })),
    )
    expect(statusesOf(await postAll(clients, batches))).toEqual([200])
    const { agents } = await clients[1].ask(AgentsDocument)
    expect(agents.nodes.map(({ name }) => name)).toEqual(names.toSorted())
    expect(new Set(agents.edges.map(({ node }) => node.id)).size).toBe(3)
    for (const name of names) {
      const { traces } = await clients[0].ask(TraceIdsDocument, { filter: { agents: [name] }, first: 100 })
      expect(traces.nodes).toHaveLength(20)
    }
  })

  test('the same request 20 times counts once, and everyone hears that it is stored', async () => {
    const clients = await makeClients()
    const traces = Array.from({ length: 5 }, () => ({ id: freshId(), agent: 'a', spans: [llmSpan('1'), llmSpan('2')] }))
    const answers = await postAll(clients, Array(20).fill(traces))
    expect(statusesOf(answers)).toEqual([200])
    for (const { body } of answers) expect(body.traceIds).toEqual(traces.map(({ id }) => id))
    expect(await usageOf(clients[1])).toMatchObject({ traces: 5, spans: 10 })
    for (const { id } of traces) {
      expect((await clients[0].ask(TraceDocument, { id })).trace).toMatchObject({ spanCount: 2, inputTokens: 2_000 })
    }
  })

  test('batches, removals and outcomes of the same traces all succeed, and leave what is whole', async () => {
    const clients = await makeClients()
    const ids = [freshId(), freshId(), freshId()]
    const work = Array.from({ length: 90 }, async (_, n) => {
      const client = clients[n % 2] as GraphQLClient
      const traceId = ids[n % 3] as string
      if (n % 10 === 7) return client.ask(DeleteTracesDocument, { ids: [...ids].reverse() })
      if (n % 10 === 3) {
        const { errors = [] } = await client.send(SetTraceOutcomeDocument, { traceId, success: true, outcome: `${n}` })
        return expect(['', 'NOT_FOUND']).toContain(errors[0]?.extensions.code ?? '')
      }
      const traces = ids.map((id) => ({ id, spans: [llmSpan(`${n}`, { input: n })] }))
      return expect((await post(client, { traces })).status).toBe(200)
    })
    await Promise.all(work)
    for (const id of ids) {
      const { trace } = await clients[0].ask(TraceDocument, { id })
      const spans = (await clients[1].ask(SpansDocument, { id, first: 1_000 })).trace?.spans.edges.length ?? 0
      expect({ spans, tokens: trace?.inputTokens ?? 0 }).toEqual({
        spans: trace?.spanCount ?? 0,
        tokens: spans * 1_000,
      })
    }
  })

  test('what goes beyond the month is refused exactly, whichever process it comes to', async () => {
    const clients = await makeClients({ monthlySpanLimit: 50 })
    const spans = Array.from({ length: 7 }, (_, n) => ({ id: `${n}`, name: 'n' }))
    const ids = Array.from({ length: 40 }, () => freshId())
    const answers = await postAll(
      clients,
      ids.map((id) => [{ id, spans }]),
    )
    const stored = ids.filter((_, n) => answers[n]?.status === 200)
    expect(statusesOf(answers)).toEqual([200, 429])
    expect(stored).toHaveLength(7)
    expect(await usageOf(clients[0])).toMatchObject({ traces: 7, spans: 49, spansLeft: 1 })
    const { traces } = await clients[0].ask(TraceIdsDocument, { first: 100 })
    expect(traces.nodes.map(({ id }) => id).toSorted()).toEqual(stored.toSorted())
    // One more fits, of many; what is stored may come again beside it.
    const last = await postAll(clients, [
      ...Array.from({ length: 10 }, () => [{ id: freshId(), spans: spans.slice(0, 1) }]),
      ...stored.map((id) => [{ id, spans }]),
    ])
    expect(last.slice(0, 10).filter(({ status }) => status === 200)).toHaveLength(1)
    expect(statusesOf(last.slice(10))).toEqual([200])
    expect(await usageOf(clients[1])).toMatchObject({ traces: 8, spans: 50, spansLeft: 0 })
  })
})
