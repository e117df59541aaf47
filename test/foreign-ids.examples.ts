import { newId } from '../src/ids.ts'
import {
  AgentDocument,
  AgentStatsDocument,
  AgentTracesDocument,
  ApiKeysDocument,
  CancelPlaygroundRunDocument,
  CompareAgentsDocument,
  CreatePlaygroundSessionDocument,
  CreatePromptDocument,
  DeleteReasoningDocument,
  DeleteTracesDocument,
  IngestTracesDocument,
  PlaygroundRunDocument,
  PlaygroundRunEventsDocument,
  PlaygroundSessionDocument,
  PlaygroundSessionsDocument,
  PromptVersionStatsDocument,
  PublishPromptDocument,
  ReasoningChainDocument,
  ReasoningEventsDocument,
  ReasoningTraceDocument,
  ReasoningTracesDocument,
  RevokeApiKeyDocument,
  RunPlaygroundDocument,
  SearchReasoningDocument,
  SetTraceOutcomeDocument,
  SpanEventsDocument,
  SpanTreeDocument,
  StoreReasoningDocument,
  type StoreReasoningInput,
  TraceDocument,
  TraceEventKindsDocument,
  TraceIdsDocument,
  type TraceInput,
  TraceStatsDocument,
  UpdatePlaygroundModelDocument,
  UpdatePromptDraftDocument,
  UpdateTenantDocument,
  ViewerDocument,
} from './generated/documents.ts'
import { findAgent, makeAgent } from './harness/agent.ts'
import { momentOf, watch } from './harness/events.ts'
import type { Answer, GraphQLClient, GraphQLErrorAnswer } from './harness/graphql-client.ts'
import { freshId, ingest } from './harness/ingest.ts'
import { subscribeOverSse } from './harness/live-client.ts'
import { getPrompt, makePrompt, publish } from './harness/prompt.ts'
import { findReasoning, reasoning, storeReasoning } from './harness/reasoning.ts'
import { drawSpans } from './harness/span-trees.ts'
import { makeKey, type TestTenant } from './harness/tenant.ts'
import { until } from './harness/until.ts'

/** How one place that takes an id answers to the id of another tenant's object. */
export interface ForeignIdExample {
  /** Makes the object in `owner`, a tenant with a key of every scope but OPERATOR. */
  make(owner: TestTenant): Promise<MadeObject>
  /** Calls with that id, or with one that never existed, and with the key of a tenant that doesn't own it. */
  call(client: GraphQLClient, id: string): Promise<ForeignAnswer>
  /**
   * `NOT_FOUND`: refused with that code. `nothing`: null, or an empty list. `its own`: the client chooses such ids
   * (a trace's), and another tenant's object of the same id is simply another one: it is made or used as if alone.
   */
  gets: 'NOT_FOUND' | 'nothing' | 'its own'
  /** It is named within another object: the owner finds it there alone, and not where the call looks for it. */
  isOwnersAlone?: boolean
}

export interface MadeObject {
  id: string
  /** All of it that the owner can see: what a stranger's call must not change. */
  look(): Promise<unknown>
}

/** What a client got; for a subscription, its first result. */
export interface ForeignAnswer {
  data?: unknown
  errors?: GraphQLErrorAnswer[]
}

/** One entry for every place of schema.graphql that takes an id, under its coordinate; `foreign-ids.test.ts` compares. */
export const foreignIdExamples: Record<string, ForeignIdExample> = {
  'Mutation.revokeApiKey(id:)': {
    async make(owner) {
      const key = await makeKey(owner.client)
      const look = async () => (await owner.client.ask(ApiKeysDocument)).apiKeys.find(({ id }) => id === key.id)
      return { id: key.id, look }
    },
    call: (client, id) => client.send(RevokeApiKeyDocument, { id }),
    gets: 'NOT_FOUND',
  },
  'Mutation.updateTenant(tenantId:)': {
    make: async (owner) => ({ id: owner.id, look: async () => (await owner.client.ask(ViewerDocument)).viewer.tenant }),
    call: (client, tenantId) => client.send(UpdateTenantDocument, { tenantId, input: { name: 'Taken over' } }),
    gets: 'NOT_FOUND',
  },
  'Query.trace(id:)': {
    make: makeOwnersTrace,
    call: (client, id) => client.send(TraceDocument, { id }),
    gets: 'nothing',
  },
  'Trace.spanTree(rootSpanId:)': {
    async make({ client }) {
      const spanId = freshId('span')
      await ingest(client, { id: 'with spans', spans: [{ id: spanId, name: 'a span' }] })
      return { id: spanId, look: () => drawSpans(client, 'with spans', { rootSpanId: spanId }) }
    },
    async call(client, rootSpanId) {
      await ingest(client, { id: 'with spans' })
      return client.send(SpanTreeDocument, { id: 'with spans', rootSpanId })
    },
    gets: 'its own',
  },
  'Query.traces(filter:).ids': {
    make: makeOwnersTrace,
    call: (client, id) => client.send(TraceIdsDocument, { filter: { ids: [id] } }),
    gets: 'nothing',
  },
  'Mutation.setTraceOutcome(traceId:)': {
    make: makeOwnersTrace,
    call: (client, traceId) => client.send(SetTraceOutcomeDocument, { traceId, success: false }),
    gets: 'NOT_FOUND',
  },
  'Mutation.deleteTraces(ids:)': {
    make: makeOwnersTrace,
    call: async (client, id) => toldNumber(await client.send(DeleteTracesDocument, { ids: [id] })),
    gets: 'nothing',
  },
  'Mutation.ingestTraces(input:).traces.id': {
    make: makeOwnersTrace,
    call: (client, id) => sendTrace(client, { id, name: 'its own', spans: [{ id: '1', name: 'its own' }] }),
    gets: 'its own',
  },
  'Mutation.ingestTraces(input:).traces.spans.id': {
    make: makeOwnersSpan,
    call: (client, id) => sendTrace(client, { id: freshId(), spans: [{ id, name: 'its own' }] }),
    gets: 'its own',
  },
  'Mutation.ingestTraces(input:).traces.spans.parentId': {
    make: makeOwnersSpan,
    call: (client, parentId) => sendTrace(client, { id: freshId(), spans: [{ id: '1', parentId, name: 'its own' }] }),
    gets: 'its own',
  },
  'Query.agent(id:)': {
    make: makeOwnersAgent,
    call: (client, id) => client.send(AgentDocument, { id }),
    gets: 'nothing',
  },
  'Query.compareAgents(a:)': {
    make: makeOwnersAgent,
    call: async (client, a) => client.send(CompareAgentsDocument, { a, b: (await ownAgent(client)).id }),
    gets: 'NOT_FOUND',
  },
  'Query.compareAgents(b:)': {
    make: makeOwnersAgent,
    call: async (client, b) => client.send(CompareAgentsDocument, { a: (await ownAgent(client)).id, b }),
    gets: 'NOT_FOUND',
  },
  'Query.compareAgents(filter:).ids': {
    make: makeOwnersTrace,
    async call(client, traceId) {
      const { id } = await ownAgent(client)
      return client.send(CompareAgentsDocument, { a: id, b: id, filter: { ids: [traceId] } })
    },
    gets: 'its own',
  },
  'Subscription.traceEvents(filter:).ids': {
    make: makeOwnersTrace,
    async call(client, id) {
      const [after, last] = [await momentOf(client), freshId('last')]
      const watched = watch(client, TraceEventKindsDocument, { after, filter: { ids: [id, last] } })
      await ingest(client, { id: last })
      await watched.told(1)
      await watched.close()
      return { data: { events: watched.events().filter(({ traceId }) => traceId !== last) } }
    },
    gets: 'nothing',
  },
  'Subscription.spanEvents(traceId:)': {
    make: makeOwnersTrace,
    async call(client, traceId) {
      const after = await momentOf(client)
      await ingest(client, { id: traceId, spans: [{ id: freshId('span'), name: 'its own' }] })
      const watched = watch(client, SpanEventsDocument, { traceId, after })
      const events = await watched.told(1)
      await watched.close()
      return { data: { names: events.map(({ span }) => span?.name) } }
    },
    gets: 'its own',
  },
  'Query.traceStats(filter:).ids': {
    make: makeOwnersTrace,
    call: (client, id) => client.send(TraceStatsDocument, { interval: 'DAY', filter: { ids: [id] } }),
    gets: 'nothing',
  },
  'Mutation.createPrompt(input:).content.blocks.id': {
    make: makeOwnersBlock,
    async call(client, id) {
      const input = {
        name: freshId('prompt'),
        content: { blocks: [{ id, role: 'USER' as const, content: 'its own' }] },
      }
      return blocksIn(await client.send(CreatePromptDocument, { input }))
    },
    gets: 'its own',
  },
  'Mutation.updatePromptDraft(input:).blocks.id': {
    make: makeOwnersBlock,
    async call(client, id) {
      const { name } = await makePrompt(client)
      const input = { blocks: [{ id, role: 'USER' as const, content: 'its own' }] }
      return blocksIn(await client.send(UpdatePromptDraftDocument, { name, input, expectedRevision: 1 }))
    },
    gets: 'its own',
  },
  'Mutation.publishPrompt(evidence:).traceId': {
    make: makeOwnersTrace,
    async call(client, traceId) {
      const { name } = await makePrompt(client, undefined, freshId('prompt'))
      const { errors } = await client.send(PublishPromptDocument, { name, expectedRevision: 1, evidence: { traceId } })
      return { data: {}, ...(errors && { errors }) }
    },
    gets: 'NOT_FOUND',
  },
  'PromptVersion.stats(filter:).ids': {
    make: makeOwnersTrace,
    async call(client, id) {
      const { name } = await makePrompt(client)
      await publish(client, name)
      return client.send(PromptVersionStatsDocument, { name, filter: { ids: [id] } })
    },
    gets: 'its own',
  },
  'Mutation.createPlaygroundSession(input:).traceId': {
    make: makeOwnersTrace,
    call: (client, traceId) => client.send(CreatePlaygroundSessionDocument, { input: { traceId } }),
    gets: 'NOT_FOUND',
  },
  'Mutation.createPlaygroundSession(input:).spanId': {
    make: makeOwnersSpan,
    async call(client, spanId) {
      const traceId = freshId()
      await ingest(client, { id: traceId, messages: [{ role: 'user', content: 'Why?' }] })
      const { errors } = await client.send(CreatePlaygroundSessionDocument, { input: { traceId, spanId } })
      return { data: {}, ...(errors && { errors }) }
    },
    gets: 'NOT_FOUND',
    isOwnersAlone: true,
  },
  'Query.playgroundSession(id:)': {
    make: makeOwnersSession,
    call: (client, id) => client.send(PlaygroundSessionDocument, { id }),
    gets: 'nothing',
  },
  'Query.playgroundSessions(traceId:)': {
    make: makeOwnersTrace,
    call: (client, traceId) => client.send(PlaygroundSessionsDocument, { traceId }),
    gets: 'nothing',
  },
  'Query.playgroundRun(id:)': {
    make: makeOwnersRun,
    call: (client, id) => client.send(PlaygroundRunDocument, { id }),
    gets: 'nothing',
  },
  'Mutation.cancelPlaygroundRun(runId:)': {
    make: makeOwnersRun,
    call: (client, runId) => client.send(CancelPlaygroundRunDocument, { runId }),
    gets: 'NOT_FOUND',
  },
  'Subscription.playgroundRunEvents(runId:)': {
    make: makeOwnersRun,
    async call(client, runId) {
      const live = subscribeOverSse(client, PlaygroundRunEventsDocument, { runId })
      const result = await until(() => live.results[0])
      await live.close()
      return { data: {}, ...(result.errors && { errors: result.errors }) }
    },
    gets: 'NOT_FOUND',
  },
  ...ofSessions({
    runPlayground: '',
    editPlaygroundBlock: 'blockId: "message-1", input: {}',
    addPlaygroundBlock: 'input: { role: USER, content: "" }',
    movePlaygroundBlock: 'blockId: "message-1", position: 0',
    removePlaygroundBlock: 'blockId: "message-1"',
    updatePlaygroundVariables: 'variables: {}',
    updatePlaygroundModel: 'model: { provider: "p", name: "m" }',
    updatePlaygroundTools: 'tools: []',
    compilePlayground: '',
    savePlayground: '',
    deletePlaygroundSession: '',
  }),
  ...ofBlocks({
    editPlaygroundBlock: ', input: {}',
    movePlaygroundBlock: ', position: 0',
    removePlaygroundBlock: '',
  }),
  'Mutation.addPlaygroundBlock(input:).id': {
    make: makeOwnersBlock,
    async call(client, id) {
      const session = await openSession(client)
      const query = `mutation ($id: ID!) { addPlaygroundBlock(sessionId: "${session}", input: { id: $id, role: USER, content: "" }) { content { blocks { id } } } }`
      return client.send(query, { id })
    },
    gets: 'its own',
  },
  'Query.reasoningTrace(id:)': {
    make: makeOwnersReasoning,
    call: (client, id) => client.send(ReasoningTraceDocument, { id }),
    gets: 'nothing',
  },
  'Query.reasoningChain(id:)': {
    make: makeOwnersReasoning,
    call: (client, id) => client.send(ReasoningChainDocument, { id }),
    gets: 'nothing',
  },
  'Mutation.deleteReasoning(id:)': {
    make: makeOwnersReasoning,
    call: (client, id) => client.send(DeleteReasoningDocument, { id }),
    gets: 'NOT_FOUND',
  },
  'Mutation.storeReasoning(input:).parentId': {
    make: makeOwnersReasoning,
    call: (client, parentId) => sendReasoning(client, { parentId }),
    gets: 'NOT_FOUND',
  },
  'Mutation.storeReasoning(input:).id': {
    make: makeOwnersReasoning,
    call: (client, id) => sendReasoning(client, { id, sessionId: 'the same each time' }),
    gets: 'its own',
    isOwnersAlone: true,
  },
  'Mutation.storeReasoning(input:).traceId': {
    make: makeOwnersTrace,
    call: (client, traceId) => sendReasoning(client, { traceId }),
    gets: 'its own',
  },
  'Mutation.storeReasoning(input:).spanId': {
    make: makeOwnersSpan,
    call: (client, spanId) => sendReasoning(client, { traceId: 'its own', spanId }),
    gets: 'its own',
  },
  'Query.reasoningTraces(filter:).traceId': {
    make: makeOwnersReasonedTrace,
    call: (client, traceId) => client.send(ReasoningTracesDocument, { filter: { traceId } }),
    gets: 'nothing',
  },
  'Query.searchReasoning(filter:).traceId': {
    make: makeOwnersReasonedTrace,
    call: (client, traceId) => client.send(SearchReasoningDocument, { query: 'upgrade', filter: { traceId } }),
    gets: 'nothing',
  },
  'Subscription.reasoningEvents(filter:).traceId': {
    make: makeOwnersReasonedTrace,
    async call(client, traceId) {
      const after = await momentOf(client)
      const { id } = await storeReasoning(client, { traceId })
      const watched = watch(client, ReasoningEventsDocument, { after, filter: { traceId } })
      const events = await watched.told(1)
      await watched.close()
      return { data: { own: events.map(({ trace }) => trace.id === id) } }
    },
    gets: 'its own',
  },
  'Agent.stats(filter:).ids': {
    make: makeOwnersTrace,
    async call(client, id) {
      const { name } = await ownAgent(client)
      return client.send(AgentStatsDocument, { name, filter: { ids: [id] } })
    },
    gets: 'its own',
  },
  'Agent.traces(filter:).ids': {
    make: makeOwnersTrace,
    async call(client, id) {
      const { name } = await ownAgent(client)
      return client.send(AgentTracesDocument, { name, filter: { ids: [id] } })
    },
    gets: 'its own',
  },
}

/** What it is told of, without what every receipt has of its own. */
async function sendTrace(client: GraphQLClient, trace: TraceInput): Promise<ForeignAnswer> {
  const { data, errors } = await client.send(IngestTracesDocument, { input: { traces: [trace] } })
  const { accepted, rejected } = (data?.ingestTraces ?? {}) as { accepted?: number; rejected?: number }
  return { data: { told: { accepted, rejected } }, ...(errors && { errors }) }
}

/** What came back, without what every record has of its own. */
async function sendReasoning(client: GraphQLClient, more: Partial<StoreReasoningInput>): Promise<ForeignAnswer> {
  const { data, errors } = await client.send(StoreReasoningDocument, { input: reasoning(more) })
  const { trace, summary, spanId } = data?.storeReasoning ?? {}
  return { data: data ? { told: { trace, summary, spanId } } : {}, ...(errors && { errors }) }
}

async function makeOwnersReasoning({ client }: TestTenant): Promise<MadeObject> {
  const { id } = await storeReasoning(client, { id: newId('tr') })
  return { id, look: () => findReasoning(client, id) }
}

async function makeOwnersReasonedTrace(owner: TestTenant): Promise<MadeObject> {
  const made = await makeOwnersTrace(owner)
  await storeReasoning(owner.client, { traceId: made.id })
  return made
}

/** What is asked of a session. */
function ofSessions(fields: Record<string, string>): Record<string, ForeignIdExample> {
  const examples = Object.entries(fields).map(([name, args]): [string, ForeignIdExample] => {
    const selection = name === 'deletePlaygroundSession' ? '' : '{ __typename }'
    const query = `mutation ($id: ID!) { ${name}(sessionId: $id ${args}) ${selection} }`
    const call = (client: GraphQLClient, id: string) => client.send(query, { id })
    return [`Mutation.${name}(sessionId:)`, { make: makeOwnersSession, call, gets: 'NOT_FOUND' }]
  })
  return Object.fromEntries(examples)
}

/** What is asked of a block, in a session of one's own. */
function ofBlocks(fields: Record<string, string>): Record<string, ForeignIdExample> {
  const examples = Object.entries(fields).map(([name, args]): [string, ForeignIdExample] => {
    async function call(client: GraphQLClient, id: string) {
      const query = `mutation ($id: ID!) { ${name}(sessionId: "${await openSession(client)}", blockId: $id${args}) { __typename } }`
      const { errors } = await client.send(query, { id })
      return { data: {}, ...(errors && { errors }) }
    }
    return [`Mutation.${name}(blockId:)`, { make: makeOwnersBlock, call, gets: 'NOT_FOUND', isOwnersAlone: true }]
  })
  return Object.fromEntries(examples)
}

async function openSession(client: GraphQLClient): Promise<string> {
  const traceId = freshId()
  await ingest(client, { id: traceId, messages: [{ role: 'user', content: 'Why?' }] })
  const { createPlaygroundSession } = await client.ask(CreatePlaygroundSessionDocument, { input: { traceId } })
  const sessionId = createPlaygroundSession.id
  await client.ask(UpdatePlaygroundModelDocument, { sessionId, model: { provider: 'demo', name: 'demo' } })
  return sessionId
}

async function makeOwnersRun({ client }: TestTenant): Promise<MadeObject> {
  const sessionId = await openSession(client)
  const { runPlayground } = await client.ask(RunPlaygroundDocument, { sessionId })
  const { id } = runPlayground
  return { id, look: async () => (await client.ask(PlaygroundRunDocument, { id })).playgroundRun }
}

async function makeOwnersSession({ client }: TestTenant): Promise<MadeObject> {
  const id = await openSession(client)
  return { id, look: async () => (await client.ask(PlaygroundSessionDocument, { id })).playgroundSession }
}

/** Without what every prompt has of its own. */
function blocksIn({ data, errors }: Answer<unknown>): ForeignAnswer {
  const contents = [
    ...JSON.stringify(data).matchAll(/"id":"([^"]+)","name":null,"role":"USER"[^}]*?"content":"([^"]+)"/g),
  ]
  return { data: { blocks: contents.map(([, id, content]) => ({ id, content })) }, ...(errors && { errors }) }
}

async function makeOwnersBlock({ client }: TestTenant): Promise<MadeObject> {
  const id = freshId('block')
  const { name } = await makePrompt(client, { blocks: [{ id, role: 'SYSTEM', content: "the owner's" }] })
  return { id, look: async () => (await getPrompt(client, name)).draft.content }
}

/** Nothing was deleted: as much as nothing was found. */
function toldNumber({ data, errors }: Answer<{ deleteTraces: number }>): ForeignAnswer {
  return { data: { deleted: data?.deleteTraces || null }, ...(errors && { errors }) }
}

async function makeOwnersSpan({ client }: TestTenant): Promise<MadeObject> {
  const [traceId, id] = [freshId(), freshId('span')]
  await ingest(client, { id: traceId, spans: [{ id, name: "the owner's" }] })
  return { id, look: async () => (await client.ask(TraceDocument, { id: traceId })).trace }
}

async function makeOwnersAgent({ client }: TestTenant): Promise<MadeObject> {
  const { id } = await makeAgent(client)
  return { id, look: async () => (await client.ask(AgentDocument, { id })).agent }
}

async function makeOwnersTrace({ client }: TestTenant): Promise<MadeObject> {
  const { name } = await ownAgent(client)
  const id = freshId()
  await ingest(client, { id, agent: name, messages: [{ role: 'user', content: 'Why?' }] })
  return { id, look: async () => (await client.ask(TraceDocument, { id })).trace }
}

/** Every tenant has one of that name. */
async function ownAgent(client: GraphQLClient) {
  return (await findAgent(client, 'own')) ?? (await makeAgent(client, 'own'))
}
