import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  CompilePromptDocument,
  type CompilePromptQueryVariables,
  PromptVersionStatsDocument,
  RemovePromptLabelDocument,
  TraceDriftDocument,
  type TraceDriftQueryVariables,
  TraceDriftsDocument,
  TraceIdsDocument,
  type TraceInput,
  WholeTraceDocument,
} from './generated/documents.ts'
import { freshId, ingest } from './harness/ingest.ts'
import { makePrompt, publish, rewrite, saying } from './harness/prompt.ts'
import { makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'

describe('a trace and its prompt', () => {
  let app: TestApp
  let tenant: TestTenant

  beforeAll(async () => {
    app = await startTestApp()
    tenant = await makeTenant(app)
  })
  afterAll(() => app.close())

  async function trace(more: TraceInput): Promise<string> {
    const id = freshId()
    await ingest(tenant.client, { id, ...more })
    return id
  }

  /** Compiles it and records the call, as an agent does. */
  async function call(asked: CompilePromptQueryVariables, more: TraceInput = {}): Promise<string> {
    const { compilePrompt } = await tenant.client.ask(CompilePromptDocument, asked)
    const { etag, manifest, messages } = compilePrompt
    return trace({ promptName: asked.name, etag, manifest, messages, variables: asked.variables ?? {}, ...more })
  }

  async function lookAt(id: string, against?: TraceDriftQueryVariables['against']) {
    const { trace } = await tenant.client.ask(TraceDriftDocument, { id, ...(against && { against }) })
    if (!trace) throw new Error(`no trace ${id}`)
    return trace
  }

  const draft = { draft: true }

  test('made with what is published is CURRENT, and DRIFTED as soon as something else is', async () => {
    const { name } = await makePrompt(tenant.client, saying('Be kind.', { model: { provider: 'openai', name: 'a' } }))
    await publish(tenant.client, name)
    const id = await call({ name })
    expect(await lookAt(id)).toMatchObject({
      prompt: { name },
      promptVersion: { number: 1 },
      drift: {
        status: 'CURRENT',
        tracedVersion: { number: 1 },
        currentVersion: { number: 1 },
        diff: { identical: true, unified: '' },
      },
    })
    await rewrite(tenant.client, name, saying('Be very kind.', { model: { provider: 'openai', name: 'b' } }))
    expect((await lookAt(id)).drift?.status).toBe('CURRENT')
    expect((await lookAt(id, 'DRAFT')).drift).toMatchObject({
      status: 'DRIFTED',
      tracedVersion: { number: 1 },
      currentVersion: null,
    })
    await publish(tenant.client, name)
    const { drift } = await lookAt(id)
    expect(drift).toMatchObject({
      status: 'DRIFTED',
      tracedVersion: { number: 1 },
      currentVersion: { number: 2 },
      diff: {
        identical: false,
        blocks: [{ blockId: 'said', change: 'CHANGED' }],
        model: [{ path: 'model.name', before: 'a', after: 'b' }],
      },
    })
    const parts = drift?.diff?.blocks[0]?.parts ?? []
    const without = (kind: string) =>
      parts
        .filter((part) => part.kind !== kind)
        .map(({ text }) => text)
        .join('')
    expect([without('INSERTED'), without('DELETED')]).toEqual(['Be kind.', 'Be very kind.'])
    expect(drift?.diff?.unified).toMatch(/^-.*Be kind\.$[\s\S]*^\+.*Be very kind\.$/m)
  })

  test('made with a draft that nobody published is known by its manifest', async () => {
    const { name } = await makePrompt(tenant.client, saying('as published'))
    await publish(tenant.client, name)
    await rewrite(tenant.client, name, saying('as tried'))
    const id = await call({ name, selector: draft })
    expect((await lookAt(id, 'DRAFT')).drift).toMatchObject({ status: 'CURRENT', diff: { identical: true } })
    await rewrite(tenant.client, name, saying('as written later'))
    expect(await lookAt(id, 'DRAFT')).toMatchObject({
      promptVersion: null,
      drift: { status: 'DRIFTED', tracedVersion: null },
    })
    expect((await lookAt(id)).drift).toMatchObject({
      status: 'DRIFTED',
      tracedVersion: null,
      currentVersion: { number: 1 },
      diff: { blocks: [{ before: { content: 'as tried' }, after: { content: 'as published' } }] },
    })
    await rewrite(tenant.client, name, saying('as tried'))
    await publish(tenant.client, name)
    expect(await lookAt(id)).toMatchObject({ promptVersion: { number: 2 }, drift: { status: 'CURRENT' } })
  })

  test('without an etag is known by its manifest, too', async () => {
    const { name } = await makePrompt(tenant.client, saying('one'))
    await publish(tenant.client, name)
    const id = await call({ name }, { etag: null })
    expect(await lookAt(id)).toMatchObject({
      promptVersion: null,
      drift: { status: 'CURRENT', tracedVersion: { number: 1 } },
    })
  })

  test('of a manifest that is not ours is compared by its messages', async () => {
    const content = {
      blocks: [
        { role: 'SYSTEM' as const, content: 'Help {{ who }}.' },
        { role: 'USER' as const, content: 'Why?' },
      ],
    }
    const { name } = await makePrompt(tenant.client, content)
    await publish(tenant.client, name)
    const messages = [
      { role: 'system', content: 'Help Ann.' },
      { role: 'user', content: 'How?' },
    ]
    const variables = { who: 'Ann' }
    for (const manifest of [{ blocks: ['from elsewhere'] }, null, { format: 'tracemend/1', content: { blocks: 1 } }]) {
      const id = await trace({ promptName: name, etag: 'of another house', manifest, messages, variables })
      const { promptVersion, drift } = await lookAt(id)
      expect([promptVersion, drift?.status, drift?.tracedVersion]).toEqual([null, 'UNKNOWN_VERSION', null])
      expect(drift?.diff?.blocks).toMatchObject([
        { change: 'UNCHANGED', after: { content: 'Help Ann.' } },
        { change: 'CHANGED', before: { content: 'How?' }, after: { content: 'Why?' } },
      ])
    }
    const bare = await trace({ promptName: name })
    expect((await lookAt(bare)).drift).toMatchObject({ status: 'UNKNOWN_VERSION', diff: null })
  })

  test('of messages that are hostile is told all the same', async () => {
    const { name } = await makePrompt(tenant.client)
    await publish(tenant.client, name)
    const deep = JSON.parse(`${'['.repeat(400)}0${']'.repeat(400)}`)
    for (const messages of [[{ role: { toString: 0 } }], [{ role: 'user', content: deep }], 'text', [1, null], {}]) {
      const { drift } = await lookAt(await trace({ promptName: name, messages }))
      expect(drift).toMatchObject({ status: 'UNKNOWN_VERSION', diff: { identical: false } })
    }
    for (const messages of [Array(501).fill(0), ['x'.repeat(1_000_001)]]) {
      expect((await lookAt(await trace({ promptName: name, messages }))).drift).toMatchObject({ diff: null })
    }
  })

  test('whose names look alike together are told apart', async () => {
    const [first, second] = [await makePrompt(tenant.client), await makePrompt(tenant.client)]
    const { etag } = await publish(tenant.client, first.name)
    const conversationId = freshId('talk')
    await trace({ promptName: first.name, etag, conversationId })
    await trace({ promptName: second.name, etag: `${etag}/${first.name}`, conversationId })
    const { traces } = await tenant.client.ask(TraceDriftsDocument, { filter: { conversationId } })
    expect(traces.nodes.map(({ promptVersion }) => promptVersion?.number ?? null).sort()).toEqual([1, null])
  })

  test('of a prompt that is not there, or of none', async () => {
    const unknown = await trace({ promptName: 'nobody made this', etag: 'x' })
    expect(await lookAt(unknown)).toEqual({
      prompt: null,
      promptVersion: null,
      drift: { status: 'UNKNOWN_PROMPT', tracedVersion: null, currentVersion: null, diff: null },
    })
    expect(await lookAt(await trace({}))).toEqual({ prompt: null, promptVersion: null, drift: null })
  })

  test('has nothing to be compared with where nothing is published', async () => {
    const { name } = await makePrompt(tenant.client)
    await publish(tenant.client, name)
    const id = await call({ name })
    await tenant.client.ask(RemovePromptLabelDocument, { name, label: 'production' })
    expect((await lookAt(id)).drift).toMatchObject({
      status: 'UNKNOWN_VERSION',
      tracedVersion: { number: 1 },
      currentVersion: null,
      diff: null,
    })
  })

  test("of another tenant's prompt of the same name and content is of no known prompt", async () => {
    const other = await makeTenant(app)
    const { name } = await makePrompt(other.client)
    const { etag } = await publish(other.client, name)
    expect((await lookAt(await trace({ promptName: name, etag }))).drift?.status).toBe('UNKNOWN_PROMPT')
  })

  test('many of them are told in one request, each for itself', async () => {
    const { name } = await makePrompt(tenant.client, saying('one'))
    await publish(tenant.client, name)
    const conversationId = freshId('talk')
    const current = await call({ name }, { conversationId })
    await rewrite(tenant.client, name, saying('two'))
    await publish(tenant.client, name)
    const newer = await call({ name }, { conversationId })
    const unknown = await trace({ promptName: name, etag: 'x', conversationId })
    const gone = await trace({ promptName: 'gone', conversationId })
    const { traces } = await tenant.client.ask(TraceDriftsDocument, { filter: { conversationId } })
    const told = Object.fromEntries(
      traces.nodes.map(({ id, drift, promptVersion }) => [id, [drift?.status, promptVersion?.number]]),
    )
    expect(told).toEqual({
      [current]: ['DRIFTED', 1],
      [newer]: ['CURRENT', 2],
      [unknown]: ['UNKNOWN_VERSION', undefined],
      [gone]: ['UNKNOWN_PROMPT', undefined],
    })
  })

  test('keeps its prompt name, etag, manifest and variables, whatever comes later', async () => {
    const { name } = await makePrompt(tenant.client, saying('{{ a }}'))
    await publish(tenant.client, name)
    const variables = { a: 'ü "quoted"', deep: { list: [1, null, { '': 0 }] } }
    const { compilePrompt } = await tenant.client.ask(CompilePromptDocument, { name, variables })
    const { etag, manifest } = compilePrompt
    const id = await trace({ promptName: name, etag, manifest, variables })
    await ingest(tenant.client, { id, status: 'COMPLETED', output: 'done' }, { id, promptName: null, etag: null })
    const { trace: kept } = await tenant.client.ask(WholeTraceDocument, { id })
    expect(kept).toMatchObject({ promptName: name, etag, manifest, variables, output: 'done' })
    const found = async (filter: object) => (await tenant.client.ask(TraceIdsDocument, { filter })).traces.nodes
    expect(await found({ promptName: name, etag })).toEqual([{ id }])
    expect(await found({ promptName: name, etag: 'x' })).toEqual([])
  })

  test('versions are compared by what their traces cost and how they ended', async () => {
    const { name } = await makePrompt(tenant.client, saying('one'))
    await publish(tenant.client, name)
    await call({ name }, { status: 'FAILED', cost: '0.5', totalTokens: 100, model: 'm' })
    await call({ name }, { status: 'COMPLETED', cost: '0.25', totalTokens: 10 })
    await rewrite(tenant.client, name, saying('two'))
    const { etag } = await publish(tenant.client, name)
    await call({ name }, { status: 'COMPLETED', cost: '0.1', totalTokens: 1 })
    await trace({ promptName: 'another', etag, status: 'FAILED', cost: '100' })
    const stats = async (filter?: object) =>
      (await tenant.client.ask(PromptVersionStatsDocument, { name, ...(filter && { filter }) })).prompt?.versions.nodes
    expect(await stats()).toEqual([
      { number: 2, stats: { traces: 1, succeeded: 1, failed: 0, cost: '0.1', totalTokens: 1 } },
      { number: 1, stats: { traces: 2, succeeded: 1, failed: 1, cost: '0.75', totalTokens: 110 } },
    ])
    expect(await stats({ model: 'm' })).toMatchObject([{ stats: { traces: 0 } }, { stats: { traces: 1, failed: 1 } }])
  })
})
