import { readFile } from 'node:fs/promises'
import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { buildSchema, parse } from 'graphql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Scope, scopes } from '../src/tenants/api-key.ts'
import {
  AgentDocument,
  AgentsDocument,
  ApiKeysDocument,
  CompareAgentsDocument,
  CompilePlaygroundDocument,
  CompilePromptDocument,
  CreateApiKeyDocument,
  CreatePlaygroundSessionDocument,
  CreateTenantDocument,
  DeletePlaygroundSessionDocument,
  DeletePromptDocument,
  DeletePromptVersionDocument,
  DeleteReasoningDocument,
  DeleteTracesDocument,
  FeedCursorDocument,
  IngestTracesDocument,
  ModelsDocument,
  PlaygroundRunDocument,
  PlaygroundRunEventsDocument,
  PlaygroundSessionDocument,
  PlaygroundSessionsDocument,
  PromptDocument,
  PromptsDocument,
  ProvidersDocument,
  ReasoningChainDocument,
  ReasoningEventsDocument,
  ReasoningTraceDocument,
  ReasoningTracesDocument,
  RemovePromptLabelDocument,
  RemoveProviderDocument,
  RevokeApiKeyDocument,
  RunPlaygroundDocument,
  SearchReasoningDocument,
  SetModelPriceDocument,
  SetProviderDocument,
  SetTraceOutcomeDocument,
  SpanEventsDocument,
  TraceDocument,
  TraceEventKindsDocument,
  TraceIdsDocument,
  TraceStatsDocument,
  UpdatePlaygroundModelDocument,
  UpdateTenantDocument,
  VerifyLedgerDocument,
  ViewerDocument,
  ViewerEventsDocument,
} from './generated/documents.ts'
import { makeAgent } from './harness/agent.ts'
import { momentOf } from './harness/events.ts'
import type { GraphQLErrorAnswer } from './harness/graphql-client.ts'
import { freshId, ingest } from './harness/ingest.ts'
import { type LiveResult, transports } from './harness/live-client.ts'
import { makePrompt, publish, saying } from './harness/prompt.ts'
import { reasoning, storeReasoning } from './harness/reasoning.ts'
import { makeKey } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'
import { until } from './harness/until.ts'

// biome-ignore lint/suspicious/noExplicitAny: a table holds documents of all types.
type AnyDocument = TypedDocumentNode<any, any>

interface Row {
  /** A key with any one of them gets through. */
  needs: readonly Scope[]
  document: AnyDocument
  /** What a key with only that scope may ask for. */
  variables?: (app: TestApp, scope: Scope | undefined) => Promise<object> | object
}

/** What else a prompt shows needs READ, whoever may write it. */
function alone(text: string): AnyDocument {
  return parse(text)
}

/** Which scope each operation needs: one row for every root field of schema.graphql. */
const rows: Record<string, Row> = {
  'Query.viewer': { needs: scopes, document: ViewerDocument },
  'Query.apiKeys': { needs: ['ADMIN'], document: ApiKeysDocument },
  'Query.models': { needs: ['READ'], document: ModelsDocument },
  'Query.agents': { needs: ['READ'], document: AgentsDocument },
  'Query.agent': {
    needs: ['READ'],
    document: AgentDocument,
    variables: async (app) => ({ id: (await makeAgent(app.client(), 'shown')).id }),
  },
  'Query.compareAgents': {
    needs: ['READ'],
    document: CompareAgentsDocument,
    variables: async (app) => {
      const { id } = await makeAgent(app.client(), 'compared')
      return { a: id, b: id }
    },
  },
  'Query.feedCursor': { needs: ['READ'], document: FeedCursorDocument },
  'Query.traceStats': { needs: ['READ'], document: TraceStatsDocument, variables: () => ({ interval: 'DAY' }) },
  'Query.prompts': { needs: ['READ'], document: PromptsDocument },
  'Query.prompt': { needs: ['READ'], document: PromptDocument, variables: ofPrompt() },
  'Query.compilePrompt': { needs: ['READ'], document: CompilePromptDocument, variables: ofPrompt() },
  'Mutation.createPrompt': {
    needs: ['EDIT'],
    document: alone('mutation ($input: CreatePromptInput!) { createPrompt(input: $input) { id } }'),
    variables: () => ({ input: { name: freshId('prompt'), content: saying('') } }),
  },
  'Mutation.updatePromptDraft': {
    needs: ['EDIT'],
    document: alone(
      'mutation ($name: String!, $input: PromptContentInput!, $expectedRevision: Int!) ' +
        '{ updatePromptDraft(name: $name, input: $input, expectedRevision: $expectedRevision) { etag } }',
    ),
    variables: ofPrompt({ input: saying(''), expectedRevision: 1 }),
  },
  'Mutation.publishPrompt': {
    needs: ['PUBLISH'],
    document: alone(
      'mutation ($name: String!, $expectedRevision: Int!) ' +
        '{ publishPrompt(name: $name, expectedRevision: $expectedRevision) { number } }',
    ),
    variables: ofPrompt({ expectedRevision: 1 }),
  },
  'Mutation.setPromptLabel': {
    needs: ['PUBLISH'],
    document: alone(
      'mutation ($name: String!, $label: String!, $version: Int!) ' +
        '{ setPromptLabel(name: $name, label: $label, version: $version) { id } }',
    ),
    variables: ofPrompt({ label: 'production', version: 1 }),
  },
  'Mutation.removePromptLabel': {
    needs: ['PUBLISH'],
    document: alone(
      'mutation ($name: String!, $label: String!) { removePromptLabel(name: $name, label: $label) { id } }',
    ),
    variables: ofPrompt({ label: 'none' }),
  },
  'Mutation.deletePromptVersion': {
    needs: ['PUBLISH'],
    document: DeletePromptVersionDocument,
    variables: async (app) => ({ name: await makeUnlabelled(app), version: 1 }),
  },
  'Mutation.deletePrompt': {
    needs: ['PUBLISH'],
    document: DeletePromptDocument,
    variables: async (app) => ({ name: await makeUnlabelled(app) }),
  },
  'Query.playgroundSessions': { needs: ['READ'], document: PlaygroundSessionsDocument },
  'Query.playgroundSession': {
    needs: ['READ'],
    document: PlaygroundSessionDocument,
    variables: async (app) => ({ id: (await makeSession(app)).sessionId }),
  },
  'Query.providers': { needs: ['READ'], document: ProvidersDocument },
  'Query.playgroundRun': {
    needs: ['READ'],
    document: PlaygroundRunDocument,
    variables: async (app) => ({ id: (await makeRun(app)).runId }),
  },
  'Subscription.playgroundRunEvents': { needs: ['READ'], document: PlaygroundRunEventsDocument, variables: makeRun },
  'Mutation.runPlayground': {
    needs: ['RUN'],
    document: alone('mutation ($sessionId: ID!) { runPlayground(sessionId: $sessionId) { id } }'),
    variables: makeSession,
  },
  'Mutation.cancelPlaygroundRun': {
    needs: ['RUN'],
    document: alone('mutation ($runId: ID!) { cancelPlaygroundRun(runId: $runId) { id } }'),
    variables: makeRun,
  },
  'Mutation.setProvider': {
    needs: ['ADMIN'],
    document: SetProviderDocument,
    variables: () => ({ input: { name: 'mine', type: 'OPENAI' } }),
  },
  'Mutation.removeProvider': {
    needs: ['ADMIN'],
    document: RemoveProviderDocument,
    async variables(app) {
      const name = freshId('p')
      await app.client().ask(SetProviderDocument, { input: { name, type: 'OPENAI' } })
      return { name }
    },
  },
  'Mutation.createPlaygroundSession': {
    needs: ['EDIT'],
    document: alone(
      'mutation ($input: CreatePlaygroundSessionInput!) { createPlaygroundSession(input: $input) { id } }',
    ),
    variables: async (app) => ({ input: { traceId: await makeTrace(app) } }),
  },
  'Mutation.editPlaygroundBlock': ofSession('editPlaygroundBlock', 'blockId: "message-1", input: { content: "x" }'),
  'Mutation.addPlaygroundBlock': ofSession('addPlaygroundBlock', 'input: { role: USER, content: "x" }'),
  'Mutation.movePlaygroundBlock': ofSession('movePlaygroundBlock', 'blockId: "message-1", position: 0'),
  'Mutation.removePlaygroundBlock': ofSession('removePlaygroundBlock', 'blockId: "message-1"'),
  'Mutation.updatePlaygroundVariables': ofSession('updatePlaygroundVariables', 'variables: {}'),
  'Mutation.updatePlaygroundModel': ofSession('updatePlaygroundModel', 'model: { provider: "p", name: "m" }'),
  'Mutation.updatePlaygroundTools': ofSession('updatePlaygroundTools', 'tools: []'),
  'Mutation.compilePlayground': {
    needs: ['READ'],
    document: CompilePlaygroundDocument,
    variables: makeSession,
  },
  'Mutation.savePlayground': {
    needs: ['EDIT'],
    document: alone('mutation ($sessionId: ID!) { savePlayground(sessionId: $sessionId) { etag } }'),
    variables: makeSession,
  },
  'Mutation.deletePlaygroundSession': {
    needs: ['EDIT'],
    document: DeletePlaygroundSessionDocument,
    variables: makeSession,
  },
  'Mutation.createTenant': {
    needs: ['OPERATOR'],
    document: CreateTenantDocument,
    variables: () => ({ input: { slug: `s${tenants++}`, name: 'Made by a test' } }),
  },
  'Mutation.updateTenant': {
    needs: ['ADMIN', 'OPERATOR'],
    document: UpdateTenantDocument,
    variables: () => ({ input: { name: 'Renamed' } }),
  },
  'Mutation.createApiKey': {
    needs: ['ADMIN'],
    document: CreateApiKeyDocument,
    variables: (_, scope = 'READ') => ({ input: { name: 'Given on', scopes: [scope] } }),
  },
  'Mutation.revokeApiKey': {
    needs: ['ADMIN'],
    document: RevokeApiKeyDocument,
    variables: async (app) => ({ id: (await makeKey(app.client())).id }),
  },
  'Query.traces': { needs: ['READ'], document: TraceIdsDocument },
  'Query.trace': {
    needs: ['READ'],
    document: TraceDocument,
    variables: async (app) => ({ id: await makeTrace(app) }),
  },
  'Mutation.ingestTraces': {
    needs: ['INGEST'],
    document: IngestTracesDocument,
    variables: () => ({ input: { traces: [{ id: freshId() }] } }),
  },
  'Mutation.setTraceOutcome': {
    needs: ['EDIT'],
    document: SetTraceOutcomeDocument,
    variables: async (app) => ({ traceId: await makeTrace(app), success: true }),
  },
  'Mutation.deleteTraces': {
    needs: ['ADMIN'],
    document: DeleteTracesDocument,
    variables: async (app) => ({ ids: [await makeTrace(app)] }),
  },
  'Mutation.setModelPrice': {
    needs: ['ADMIN'],
    document: SetModelPriceDocument,
    variables: () => ({ input: { provider: 'own', model: 'm', inputPerMillion: '1', outputPerMillion: '2' } }),
  },
  'Query.reasoningTraces': { needs: ['READ'], document: ReasoningTracesDocument },
  'Query.reasoningTrace': { needs: ['READ'], document: ReasoningTraceDocument, variables: makeReasoning },
  'Query.reasoningChain': { needs: ['READ'], document: ReasoningChainDocument, variables: makeReasoning },
  'Query.searchReasoning': {
    needs: ['READ'],
    document: SearchReasoningDocument,
    variables: () => ({ query: 'upgrade' }),
  },
  'Query.verifyLedger': { needs: ['READ'], document: VerifyLedgerDocument },
  'Mutation.storeReasoning': {
    needs: ['INGEST'],
    document: alone('mutation ($input: StoreReasoningInput!) { storeReasoning(input: $input) { id } }'),
    variables: () => ({ input: reasoning() }),
  },
  'Mutation.deleteReasoning': { needs: ['ADMIN'], document: DeleteReasoningDocument, variables: makeReasoning },
  'Subscription.reasoningEvents': {
    needs: ['READ'],
    document: ReasoningEventsDocument,
    async variables(app) {
      const after = await momentOf(app.client())
      await makeReasoning(app)
      return { after }
    },
  },
  'Subscription.viewerEvents': { needs: scopes, document: ViewerEventsDocument },
  'Subscription.traceEvents': {
    needs: ['READ'],
    document: TraceEventKindsDocument,
    variables: async (app) => ({ after: (await makeEvents(app)).after }),
  },
  'Subscription.spanEvents': { needs: ['READ'], document: SpanEventsDocument, variables: makeEvents },
}
let tenants = 0

/** A published prompt's name, and what else is asked of it. */
function ofPrompt(more: object = {}): (app: TestApp) => Promise<object> {
  return async (app) => {
    const { name } = await makePrompt(app.client())
    await publish(app.client(), name)
    return { name, ...more }
  }
}

async function makeUnlabelled(app: TestApp): Promise<string> {
  const { name } = await makePrompt(app.client())
  await publish(app.client(), name)
  await app.client().ask(RemovePromptLabelDocument, { name, label: 'production' })
  return name
}

async function makeRun(app: TestApp): Promise<{ runId: string }> {
  const { runPlayground } = await app.client().ask(RunPlaygroundDocument, await makeSession(app))
  return { runId: runPlayground.id }
}

/** A mutation that edits a session. */
function ofSession(name: string, args: string): Row {
  const document = alone(`mutation ($sessionId: ID!) { ${name}(sessionId: $sessionId, ${args}) { id } }`)
  return { needs: ['EDIT'], document, variables: makeSession }
}

async function makeSession(app: TestApp): Promise<{ sessionId: string }> {
  const input = { traceId: await makeTrace(app) }
  const { createPlaygroundSession } = await app.client().ask(CreatePlaygroundSessionDocument, { input })
  const sessionId = createPlaygroundSession.id
  await app.client().ask(UpdatePlaygroundModelDocument, { sessionId, model: { provider: 'demo', name: 'demo' } })
  return { sessionId }
}

/** Some that are there to be told at once. */
async function makeEvents(app: TestApp): Promise<{ traceId: string; after: string }> {
  const [traceId, after] = [freshId(), await momentOf(app.client())]
  await ingest(app.client(), { id: traceId, spans: [{ id: 'a', name: 'a span' }] })
  return { traceId, after }
}

async function makeReasoning(app: TestApp): Promise<{ id: string }> {
  return { id: (await storeReasoning(app.client())).id }
}

async function makeTrace(app: TestApp): Promise<string> {
  const id = freshId()
  await ingest(app.client(), { id, messages: [{ role: 'user', content: 'Why?' }] })
  return id
}

describe('scopes', () => {
  let app: TestApp
  const keys = new Map<Scope, string>()

  beforeAll(async () => {
    app = await startTestApp()
    for (const scope of scopes) {
      keys.set(scope, (await makeKey(app.client(), { name: scope, scopes: [scope] })).secret)
    }
  })
  afterAll(() => app.close())

  test('there is a row for every root field of schema.graphql, and for no other', async () => {
    const schema = buildSchema(await readFile(new URL('../schema.graphql', import.meta.url), 'utf8'))
    const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]
    const fields = roots.flatMap((type) => Object.keys(type?.getFields() ?? {}).map((name) => `${type?.name}.${name}`))
    expect(fields).not.toEqual([])
    expect(Object.keys(rows).sort()).toEqual(fields.sort())
  })

  /** HTTP for what ends by itself; the doors of subscriptions for everything, as a client may use them so. */
  const doors = [
    { name: 'HTTP', ask: askOverHttp },
    ...transports.map(({ name, subscribe }) => ({ name, ask: askOver(subscribe) })),
  ]
  const cases = Object.entries(rows).flatMap(([operation, row]) =>
    doors
      .filter(({ name }) => name !== 'HTTP' || !operation.startsWith('Subscription.'))
      .map(({ name, ask }) => ({ operation, row, name, ask })),
  )

  test.each(cases)('$operation over $name', async ({ row, ask }) => {
    for (const scope of scopes) {
      const { data, errors } = await ask(app, keys.get(scope) ?? '', row, scope)
      if (row.needs.includes(scope)) expect({ scope, errors }).toEqual({ scope })
      else {
        expect({ scope, told: toldIn(data), code: codeOf(errors) }).toEqual({ scope, told: [], code: 'FORBIDDEN' })
        expect(errors?.[0]?.message).toContain(`your key has ${scope}`)
      }
    }
    const { data, errors } = await ask(app, null, row, undefined)
    expect({ told: toldIn(data), code: codeOf(errors) }).toEqual({ told: [], code: 'UNAUTHENTICATED' })
  })
})

type Ask = (app: TestApp, key: string | null, row: Row, scope: Scope | undefined) => Promise<LiveResult<unknown>>

async function askOverHttp(...[app, key, row, scope]: Parameters<Ask>): ReturnType<Ask> {
  return app.client(key).send(row.document, await row.variables?.(app, scope))
}

function askOver(subscribe: (typeof transports)[number]['subscribe']): Ask {
  return async (app, key, row, scope) => {
    const live = subscribe({ url: app.url, key }, row.document, await row.variables?.(app, scope))
    try {
      return await until(() => live.results[0] as LiveResult<unknown> | undefined)
    } finally {
      await live.close()
    }
  }
}

/** A root field that may be null is null where it fails; others leave no data at all. */
function toldIn(data: unknown): unknown[] {
  return Object.values(data ?? {}).filter((value) => value !== null)
}

function codeOf(errors: GraphQLErrorAnswer[] | undefined): string | undefined {
  return errors?.map(({ extensions }) => extensions.code).join()
}
