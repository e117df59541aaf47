import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  AgentDocument,
  AgentStatsDocument,
  AgentsDocument,
  AgentTracesDocument,
  CompareAgentsDocument,
  SetTraceOutcomeDocument,
  StatsOfAgentsDocument,
  type TraceInput,
} from './generated/documents.ts'
import { ingest } from './harness/ingest.ts'
import { makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'
import { until } from './harness/until.ts'

describe('agents', () => {
  let app: TestApp
  let tenant: TestTenant

  beforeAll(async () => {
    app = await startTestApp()
    tenant = await makeTenant(app)
    await ingest(tenant.client, ...traces)
  })
  afterAll(() => app.close())

  async function agentNamed(name: string, { client } = tenant) {
    const { agent } = await client.ask(AgentDocument, { name })
    if (!agent) throw new Error(`no agent ${name}`)
    return agent
  }

  async function refusalOf<Data, Given>(document: TypedDocumentNode<Data, Given>, variables: Given) {
    const { extensions } = await tenant.client.refusal(document, variables)
    return { code: extensions.code, field: extensions.field }
  }

  describe('appear with the first trace that names them', () => {
    test('and are seen again with every later one', async () => {
      const first = await agentNamed('support')
      expect(first.id).toMatch(/^ag_/)
      expect(first.firstSeenAt).toBe(first.lastSeenAt)
      const again = await until(async () => {
        await ingest(tenant.client, { id: 's1', agent: 'support' })
        const agent = await agentNamed('support')
        return agent.lastSeenAt > first.lastSeenAt && agent
      })
      expect(again).toMatchObject({ id: first.id, firstSeenAt: first.firstSeenAt })
    })

    test('and only in their tenant', async () => {
      const other = await makeTenant(app)
      await ingest(other.client, { agent: 'support' })
      const [ours, theirs] = [await agentNamed('support'), await agentNamed('support', other)]
      expect(theirs.id).not.toBe(ours.id)
      expect((await other.client.ask(AgentDocument, { id: ours.id })).agent).toBeNull()
      expect((await other.client.ask(AgentsDocument)).agents.nodes).toEqual([{ name: 'support' }])
      expect((await other.client.ask(AgentStatsDocument, { name: 'support' })).agent?.stats.traces).toBe(1)
    })
  })

  describe('in a list', () => {
    test('stand by name, and are paged by cursors', async () => {
      const names: string[] = []
      let after: string | null | undefined
      for (let pages = 0; pages < 4; pages++) {
        const { agents } = await tenant.client.ask(AgentsDocument, { first: 1, after })
        expect(agents.totalCount).toBe(3)
        expect(agents.edges.map(({ node }) => ({ name: node.name }))).toEqual(agents.nodes)
        expect(agents.pageInfo).toMatchObject({ hasNextPage: pages < 2, hasPreviousPage: pages > 0 })
        names.push(...agents.nodes.map(({ name }) => name))
        if (!agents.pageInfo.hasNextPage) break
        after = agents.pageInfo.endCursor
        expect(after).toBe(agents.edges.at(-1)?.cursor)
      }
      expect(names).toEqual(['Ökonom', 'billing_bot', 'support'].sort())
    })

    test.each([
      ['SUPP', ['support']],
      ['ök', ['Ökonom']],
      ['_', ['billing_bot']],
      ['%', []],
      ['nul \0', []],
      ['', ['billing_bot', 'support', 'Ökonom']],
    ])('are found by a part of the name: %j', async (search, names) => {
      const { agents } = await tenant.client.ask(AgentsDocument, { search })
      expect(agents.nodes.map(({ name }) => name)).toEqual(names)
      expect(agents.totalCount).toBe(names.length)
    })

    test.each([
      [{ first: -1 }, 'first'],
      [{ after: 'nonsense' }, 'after'],
      [{ after: cursor(['a\0']) }, 'after'],
    ])('are refused for %j', async (variables, field) => {
      expect(await refusalOf(AgentsDocument, variables)).toEqual({ code: 'INVALID_INPUT', field })
    })

    test('a made-up cursor is a place as any other', async () => {
      const { agents } = await tenant.client.ask(AgentsDocument, { after: cursor(['c\0', '\ud800']) })
      expect(agents.nodes).toEqual([{ name: 'support' }, { name: 'Ökonom' }])
    })
  })

  describe('one', () => {
    test('is found by its id or its name', async () => {
      const byName = await agentNamed('billing_bot')
      expect((await tenant.client.ask(AgentDocument, { id: byName.id })).agent).toEqual(byName)
      for (const choice of [{ id: 'ag_none' }, { name: 'Billing_bot' }, { id: 'nul \0' }, { name: '' }]) {
        expect(await tenant.client.ask(AgentDocument, choice)).toEqual({ agent: null })
      }
    })

    test('is asked for by exactly one of them', async () => {
      const refused = { code: 'INVALID_INPUT', field: 'id' }
      expect(await refusalOf(AgentDocument, {})).toEqual(refused)
      expect(await refusalOf(AgentDocument, { id: 'ag_1', name: 'support' })).toEqual(refused)
    })

    test('leads to its traces, and they lead back', async () => {
      const agent = await agentNamed('billing_bot')
      const tracesOf = async (variables: object) => {
        const answer = await tenant.client.ask(AgentTracesDocument, { name: 'billing_bot', ...variables })
        return answer.agent?.traces
      }
      const all = await tracesOf({})
      expect(all?.nodes).toEqual(['b4', 'b3', 'b2', 'b1'].map((id) => ({ id, agent })))
      const cheapest = { orderBy: { field: 'COST', direction: 'ASC' }, first: 2 }
      const page = await tracesOf(cheapest)
      expect(page).toMatchObject({ nodes: [{ id: 'b3' }, { id: 'b1' }], totalCount: 4 })
      const next = await tracesOf({ ...cheapest, after: page?.pageInfo.endCursor })
      expect(next).toMatchObject({ nodes: [{ id: 'b2' }, { id: 'b4' }], pageInfo: { hasNextPage: false } })
      expect(await tracesOf({ filter: { success: false, agents: ['support', 'billing_bot'] } })).toMatchObject({
        nodes: [{ id: 'b3' }],
        totalCount: 1,
      })
      expect(await tracesOf({ filter: { agents: ['support'] } })).toMatchObject({ nodes: [], totalCount: 0 })
    })
  })

  describe('have statistics', () => {
    const ofBillingBot = {
      traces: 4,
      succeeded: 1,
      failed: 2,
      successRate: 1 / 3,
      errorRate: 1 / 3,
      durationMs: { p50: 200, p95: 290, p99: 298, avg: 200, max: 300 },
      cost: '0.30000000000000004',
      unpricedTraces: 1,
      inputTokens: 4_294_967_295,
      outputTokens: 5,
      totalTokens: 4_294_967_300,
      outcomes: [
        { outcome: 'refund', count: 2 },
        { outcome: 'escalated', count: 1 },
      ],
    }

    test('over all their traces', async () => {
      const { agent } = await tenant.client.ask(AgentStatsDocument, { name: 'billing_bot' })
      expect(agent?.stats).toEqual(ofBillingBot)
    })

    test('that are 0 and unknown where there is nothing to sum up', async () => {
      const variables = { name: 'billing_bot', filter: { ids: ['none'] } }
      const { agent } = await tenant.client.ask(AgentStatsDocument, variables)
      expect(agent?.stats).toEqual(nothing)
      const ofRunning = { name: 'billing_bot', filter: { status: ['RUNNING' as const] } }
      expect((await tenant.client.ask(AgentStatsDocument, ofRunning)).agent?.stats).toMatchObject({
        traces: 1,
        succeeded: 0,
        failed: 0,
        successRate: null,
        errorRate: null,
      })
    })

    test('that hold what was set afterwards', async () => {
      const other = await makeTenant(app)
      await ingest(other.client, { id: 't', agent: 'a', status: 'FAILED' })
      await other.client.ask(SetTraceOutcomeDocument, { traceId: 't', success: true, outcome: 'mended' })
      expect((await other.client.ask(AgentStatsDocument, { name: 'a' })).agent?.stats).toMatchObject({
        succeeded: 1,
        failed: 0,
        errorRate: 1,
        outcomes: [{ outcome: 'mended', count: 1 }],
      })
    })

    test('also many of them, each within its own filter', async () => {
      const filter = { outcome: 'refund' }
      const { agents } = await tenant.client.ask(StatsOfAgentsDocument, { filter })
      expect(agents.nodes).toHaveLength(3)
      for (const { name, all, some } of agents.nodes) {
        expect((await tenant.client.ask(AgentStatsDocument, { name })).agent?.stats).toEqual(all)
        expect((await tenant.client.ask(AgentStatsDocument, { name, filter })).agent?.stats).toEqual(some)
      }
    })

    test('and are compared', async () => {
      const [a, b] = [await agentNamed('billing_bot'), await agentNamed('Ökonom')]
      const { compareAgents } = await tenant.client.ask(CompareAgentsDocument, { a: a.id, b: b.id })
      expect(compareAgents.agents).toEqual([
        { agent: a, stats: ofBillingBot },
        { agent: b, stats: { ...nothing, traces: 1, unpricedTraces: 1 } },
      ])
      const twice = await tenant.client.ask(CompareAgentsDocument, { a: a.id, b: a.id, filter: { outcome: 'refund' } })
      expect(twice.compareAgents.agents.map(({ agent, stats }) => [agent, stats.traces])).toEqual([
        [a, 2],
        [a, 2],
      ])
    })

    test('whose unknown agents and wrong filters are refused by their places', async () => {
      const { id } = await agentNamed('support')
      const absent = (field: string) => ({ code: 'NOT_FOUND', field })
      expect(await refusalOf(CompareAgentsDocument, { a: 'ag_none', b: id })).toEqual(absent('a'))
      expect(await refusalOf(CompareAgentsDocument, { a: id, b: 'nul \0' })).toEqual(absent('b'))
      const filter = { search: ' ' }
      const wrong = { code: 'INVALID_INPUT', field: 'filter.search' }
      expect(await refusalOf(CompareAgentsDocument, { a: id, b: id, filter })).toEqual(wrong)
      expect(await refusalOf(AgentStatsDocument, { name: 'support', filter })).toEqual(wrong)
    })
  })
})

const traces: TraceInput[] = [
  { id: 's1', agent: 'support', outcome: 'refund', durationMs: 5 },
  { id: 'o1', agent: 'Ökonom' },
  { id: 'nobody', durationMs: 7, outcome: 'refund' },
  {
    id: 'b1',
    agent: 'billing_bot',
    status: 'COMPLETED',
    startedAt: '2026-11-01T00:00:00.000Z',
    durationMs: 100,
    cost: '0.1',
    outcome: 'refund',
    inputTokens: 2_147_483_647,
  },
  {
    id: 'b2',
    agent: 'billing_bot',
    status: 'TIMED_OUT',
    startedAt: '2026-11-02T00:00:00.000Z',
    durationMs: 200,
    cost: '0.20000000000000004',
    inputTokens: 2_147_483_647,
    outputTokens: 5,
  },
  {
    id: 'b3',
    agent: 'billing_bot',
    status: 'COMPLETED',
    success: false,
    startedAt: '2026-11-03T00:00:00.000Z',
    durationMs: 300,
    cost: '0',
    outcome: 'refund',
    inputTokens: 1,
  },
  { id: 'b4', agent: 'billing_bot', status: 'RUNNING', startedAt: '2026-11-04T00:00:00.000Z', outcome: 'escalated' },
]

const nothing = {
  traces: 0,
  succeeded: 0,
  failed: 0,
  successRate: null,
  errorRate: null,
  durationMs: { p50: null, p95: null, p99: null, avg: null, max: null },
  cost: '0',
  unpricedTraces: 0,
  inputTokens: 0,
  outputTokens: 0,
  totalTokens: 0,
  outcomes: [],
}

function cursor(parts: unknown[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url')
}
