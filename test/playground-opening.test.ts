import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  CompilePromptDocument,
  CreatePlaygroundSessionDocument,
  type CreatePlaygroundSessionInput,
  DeletePromptDocument,
  PlaygroundSessionDocument,
  PlaygroundSessionsDocument,
  type PromptContentInput,
  type TraceInput,
  TraceSessionsDocument,
} from './generated/documents.ts'
import { freshId, ingest, llmSpan } from './harness/ingest.ts'
import { makePrompt, publish, rewrite, saying } from './harness/prompt.ts'
import { makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'

describe('a session of the playground', () => {
  let app: TestApp
  let tenant: TestTenant

  beforeAll(async () => {
    app = await startTestApp()
    tenant = await makeTenant(app)
  })
  afterAll(() => app.close())

  async function open(input: CreatePlaygroundSessionInput) {
    return (await tenant.client.ask(CreatePlaygroundSessionDocument, { input })).createPlaygroundSession
  }

  async function record(trace: TraceInput): Promise<string> {
    const id = freshId()
    await ingest(tenant.client, { id, ...trace })
    return id
  }

  /** Everything that a call may have: tool calls and their results, parts, JSON, braces that are no placeholders. */
  const content: PromptContentInput = {
    blocks: [
      { id: 'rules', role: 'SYSTEM', content: 'You help {{ customer.name }}.' },
      { id: 'gold', role: 'SYSTEM', content: 'Be generous.', when: 'customer.tier == "gold"' },
      {
        id: 'picture',
        role: 'USER',
        format: 'JSON',
        content: '[{"type":"text","text":"{{ question }}"},{"type":"image_url","image_url":{"url":"{{ url }}"}}]',
      },
    ],
    variables: [{ name: 'customer', required: true }],
    model: { provider: 'openai', name: 'gpt-4o', parameters: { temperature: 0.5 } },
    tools: [{ type: 'function', function: { name: 'search', parameters: { type: 'object' } } }],
    toolChoice: 'auto',
    responseSchema: { type: 'object', properties: { answer: { type: 'string' } } },
  }
  const variables = {
    customer: { name: 'Ann {{ x }}', tier: 'gold' },
    question: 'What is {{ this }}?',
    url: 'https://a.example',
  }
  const conversation = [
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c1', type: 'function', function: { name: 'search', arguments: '{"q":"{{ x }}"}' } }],
    },
    { role: 'tool', tool_call_id: 'c1', content: '{"rows":[1,{"a":null}]}' },
    { role: 'user', content: [{ type: 'text', text: 'And {{ "{{" }} now?' }] },
  ]

  async function compiled(name: string, selector?: object) {
    const { compilePrompt } = await tenant.client.ask(CompilePromptDocument, {
      name,
      variables,
      ...(selector && { selector }),
    })
    return compilePrompt
  }

  test('holds the version that its trace was made with, and sends what was sent', async () => {
    const { name } = await makePrompt(tenant.client, content)
    await publish(tenant.client, name)
    const { etag, messages } = await compiled(name)
    const traceId = await record({
      promptName: name,
      etag,
      variables,
      messages: messages as [],
      model: 'gpt-4o',
      provider: 'openai',
    })
    await rewrite(tenant.client, name, saying('something else'))
    await publish(tenant.client, name)
    const session = await open({ traceId })
    expect(session).toMatchObject({
      id: expect.stringMatching(/^ps_/),
      origin: 'VERSION',
      trace: { id: traceId },
      span: null,
      prompt: { name },
      recordedBlockIds: [],
      variables,
      revision: 1,
      diff: { identical: true, unified: '' },
    })
    expect(session.compiled).toMatchObject({ etag, messages, tools: content.tools, toolChoice: 'auto' })
    expect(session.compiled.responseSchema).toEqual(content.responseSchema)
    expect(session.content.blocks.map(({ id }) => id)).toEqual(['rules', 'gold', 'picture'])
    expect((await tenant.client.ask(PlaygroundSessionDocument, { id: session.id })).playgroundSession).toEqual(session)
  })

  test('keeps what the agent sent besides its prompt, and what it sent it with', async () => {
    const { name } = await makePrompt(tenant.client, content)
    await publish(tenant.client, name)
    const { etag, messages } = await compiled(name)
    const sent = [...(messages as object[]), ...conversation]
    const tools = [{ type: 'function', function: { name: 'another' } }]
    const modelConfig = { temperature: 1, seed: 7 }
    const call = { model: 'gpt-4.1', provider: 'azure', modelConfig, tools, toolChoice: 'required' }
    const session = await open({
      traceId: await record({ promptName: name, etag, variables, messages: sent, ...call }),
    })
    expect(session.origin).toBe('VERSION')
    expect(session.compiled.messages).toEqual(sent)
    expect(session.recordedBlockIds).toHaveLength(3)
    expect(session.compiled).toMatchObject({
      model: { provider: 'azure', name: 'gpt-4.1', parameters: modelConfig },
      tools,
      toolChoice: 'required',
      responseSchema: content.responseSchema,
    })
  })

  describe('holds the version also where it was recorded in other words:', () => {
    const blocks: PromptContentInput['blocks'] = [
      { id: 'rules', role: 'SYSTEM', content: 'You help {{ name }}.' },
      { id: 'tone', role: 'SYSTEM', content: 'Be kind.\n' },
      { id: 'asked', role: 'USER', content: '{{ question }}' },
    ]
    const tools = [{ type: 'function', function: { name: 'search' } }]
    const variables = { name: 'Ann', question: 'Why is it late?' }

    async function openSent(messages: object[]) {
      const { name } = await makePrompt(tenant.client, { blocks, tools })
      const { etag } = await publish(tenant.client, name)
      return open({ traceId: await record({ promptName: name, etag, variables, messages }) })
    }
    const asked = { role: 'user', content: 'Why is it late?' }

    test.each([
      [
        'a text as a part',
        [
          { role: 'system', content: 'You help Ann.' },
          { role: 'system', content: [{ type: 'text', text: 'Be kind.' }] },
          {
            id: 'm1',
            role: 'user',
            content: [
              { type: 'text', text: 'Why is ' },
              { type: 'text', text: 'it late?' },
            ],
          },
        ],
        0,
      ],
      ['its instructions as one', [{ role: 'SYSTEM', content: 'You help Ann.\n\nBe kind.' }, asked], 0],
      ['by another role of the same', [{ role: 'developer', content: 'You help Ann. Be kind.' }, asked], 0],
      ['without its instructions, and with what followed', [asked, { role: 'assistant', content: 'Soon.' }], 1],
    ])('%s', async (_, messages, others) => {
      const session = await openSent(messages)
      expect(session.origin).toBe('VERSION')
      expect(session.recordedBlockIds).toHaveLength(others)
      expect(session.compiled.messages).toMatchObject([
        { role: 'system', content: 'You help Ann.' },
        { role: 'system', content: 'Be kind.\n' },
        asked,
        ...messages.slice(messages.length - others),
      ])
    })

    test('beside what is more than a text, and the same', async () => {
      const call = '{"tool_calls":[{"id":"c1","type":"function","function":{"name":"search","arguments":"{}"}}]}'
      const { name } = await makePrompt(tenant.client, {
        blocks: [...blocks, { id: 'call', role: 'ASSISTANT', format: 'JSON', content: call }],
      })
      const { etag } = await publish(tenant.client, name)
      const messages = [
        { role: 'system', content: 'You help Ann. Be kind.' },
        asked,
        { role: 'assistant', ...JSON.parse(call) },
      ]
      const session = await open({ traceId: await record({ promptName: name, etag, variables, messages }) })
      expect(session).toMatchObject({ origin: 'VERSION', recordedBlockIds: [] })
      expect(session.compiled.messages).toMatchObject([{}, {}, ...messages.slice(1)])
    })

    test('soon, however much there is to compare', async () => {
      const long = { id: 'long', role: 'USER' as const, content: 'all the words '.repeat(30_000) }
      const { name } = await makePrompt(tenant.client, { blocks: [long] })
      const { etag } = await publish(tenant.client, name)
      const messages = Array.from({ length: 20_000 }, () => ({ role: 'user', content: 'x' }))
      const traceId = await record({ promptName: name, etag, messages })
      const document = 'mutation ($id: ID!) { createPlaygroundSession(input: { traceId: $id }) { origin } }'
      const { data } = await tenant.client.send(document, { id: traceId })
      expect(data).toEqual({ createPlaygroundSession: { origin: 'MESSAGES' } })
    })

    test.each([
      ['what it does not say', [{ role: 'system', content: 'You help Bob. Be kind.' }, asked]],
      ['only the beginning of it', [{ role: 'system', content: 'You help Ann. Be' }, asked]],
      ['more than a text', [{ role: 'system', content: 'You help Ann. Be kind.', tool_calls: [] }, asked]],
    ])('but not where it was %s: then it has the messages, and what else the version says', async (_, messages) => {
      const session = await openSent(messages)
      expect(session).toMatchObject({ origin: 'MESSAGES', compiled: { messages, tools } })
    })
  })

  test('holds the draft that its trace was made with', async () => {
    const { name, draft } = await makePrompt(tenant.client, content)
    const session = await open({ traceId: await record({ promptName: name, etag: draft.etag, variables }) })
    expect(session).toMatchObject({ origin: 'VERSION', compiled: { etag: draft.etag } })
  })

  test('shows values of variables that were changed since', async () => {
    const { name } = await makePrompt(tenant.client, content)
    const { etag } = await publish(tenant.client, name)
    const { id } = await open({ traceId: await record({ promptName: name, etag, variables }) })
    const document = `mutation ($id: ID!, $variables: JSON!) {
      updatePlaygroundVariables(sessionId: $id, variables: $variables) {
        diff { identical variables { path change before after } }
      }
    }`
    const customer = { ...variables.customer, tier: 'new' }
    const { data } = await tenant.client.send(document, { id, variables: { ...variables, customer } })
    expect(data).toEqual({
      updatePlaygroundVariables: {
        diff: {
          identical: false,
          variables: [{ path: 'values.customer.tier', change: 'CHANGED', before: 'gold', after: 'new' }],
        },
      },
    })
  })

  test('has of a span that is another call only what that says', async () => {
    const { name } = await makePrompt(tenant.client, content)
    const { etag } = await publish(tenant.client, name)
    const span = llmSpan('classify', { input: [{ role: 'user', content: 'Which of these?' }] })
    const traceId = await record({ promptName: name, etag, variables, spans: [span] })
    const session = await open({ traceId, spanId: 'classify' })
    expect(session).toMatchObject({ origin: 'MESSAGES', compiled: { tools: null, responseSchema: null } })
  })

  test('is not opened from a span that is no call of a model', async () => {
    const traceId = await record({ spans: [{ id: 'tool', name: 'search', kind: 'TOOL', input: { a: 1 } }] })
    const input = { traceId, spanId: 'tool' }
    const { extensions, message } = await tenant.client.refusal(CreatePlaygroundSessionDocument, { input })
    expect(extensions).toMatchObject({ code: 'INVALID_INPUT', field: 'input.spanId' })
    expect(message).toContain('TOOL')
  })

  test('outlives its prompt', async () => {
    const { name } = await makePrompt(tenant.client, content)
    const { id } = await open({ promptName: name, selector: { draft: true } })
    await tenant.client.ask(DeletePromptDocument, { name })
    const { playgroundSession } = await tenant.client.ask(PlaygroundSessionDocument, { id })
    expect(playgroundSession).toMatchObject({ id, prompt: null })
  })

  test('holds what the manifest says where nobody knows the etag', async () => {
    const { name } = await makePrompt(tenant.client, content)
    const { etag, manifest, messages } = await compiled(name, { draft: true })
    await rewrite(tenant.client, name, saying('something else'))
    const sent = [...(messages as object[]), ...conversation]
    const session = await open({
      traceId: await record({ promptName: name, etag, manifest, variables, messages: sent }),
    })
    expect(session).toMatchObject({ origin: 'MANIFEST', compiled: { messages: sent } })
    expect(session.content.blocks[0]).toMatchObject({ id: 'rules', content: 'You help {{ customer.name }}.' })
  })

  test('is made of the messages where that is all there is', async () => {
    const messages = [
      { role: 'system', content: 'Say {{ this }}.' },
      ...conversation,
      { role: 'developer', content: 'x' },
    ]
    const session = await open({ traceId: await record({ messages, model: 'm', provider: 'p', tools: content.tools }) })
    expect(session).toMatchObject({ origin: 'MESSAGES', prompt: null, compiled: { messages, tools: content.tools } })
    expect(session.content.blocks[0]).toMatchObject({ role: 'SYSTEM', format: 'TEXT' })
  })

  test('is made of the messages where the version says something else than was sent', async () => {
    const { name } = await makePrompt(tenant.client, saying('Be kind, {{ who }}.'))
    const { etag } = await publish(tenant.client, name)
    const messages = [{ role: 'system', content: 'Be kind, Ann. It is Monday.' }]
    const session = await open({
      traceId: await record({ promptName: name, etag, messages, variables: { who: 'Ann' } }),
    })
    expect(session).toMatchObject({ origin: 'MESSAGES', prompt: { name }, compiled: { messages } })
  })

  test('is opened from one model call of a trace', async () => {
    const { name } = await makePrompt(tenant.client, content)
    await publish(tenant.client, name)
    const { etag, messages } = await compiled(name)
    const sent = [...(messages as object[]), ...conversation]
    const traceId = await record({
      promptName: name,
      etag,
      variables,
      spans: [
        llmSpan('list', { input: sent }),
        llmSpan('request', { input: { messages: conversation, tools: content.tools, temperature: 0.1 } }),
      ],
    })
    const first = await open({ traceId, spanId: 'list' })
    expect(first).toMatchObject({ origin: 'VERSION', span: { id: 'list' }, compiled: { messages: sent } })
    const second = await open({ traceId, spanId: 'request' })
    expect(second).toMatchObject({
      origin: 'MESSAGES',
      compiled: {
        messages: conversation,
        tools: content.tools,
        model: { provider: 'openai', name: 'gpt-4o', parameters: { temperature: 0.1 } },
      },
    })
  })

  test('is opened from a prompt, as it is published or as it is drafted', async () => {
    const { name } = await makePrompt(tenant.client, saying('one'))
    await publish(tenant.client, name)
    await rewrite(tenant.client, name, saying('two'))
    const said = async (selector?: object) =>
      (await open({ promptName: name, ...(selector && { selector }) })).compiled.messages
    expect(await said()).toEqual([{ role: 'system', content: 'one' }])
    expect(await said({ draft: true })).toEqual([{ role: 'system', content: 'two' }])
    expect(await open({ promptName: name })).toMatchObject({ origin: 'PROMPT', trace: null, prompt: { name } })
  })

  test('is refused where there is nothing to open, and it is said which input is wrong', async () => {
    const { name } = await makePrompt(tenant.client)
    const bare = await record({})
    const cases: [CreatePlaygroundSessionInput, string, string][] = [
      [{}, 'INVALID_INPUT', 'input.traceId'],
      [{ traceId: bare, promptName: name }, 'INVALID_INPUT', 'input.promptName'],
      [{ promptName: name, spanId: 'x' }, 'INVALID_INPUT', 'input.spanId'],
      [{ traceId: bare, selector: {} }, 'INVALID_INPUT', 'input.selector'],
      [{ traceId: bare }, 'INVALID_INPUT', 'input.traceId'],
      [{ traceId: 'none' }, 'NOT_FOUND', 'input.traceId'],
      [{ traceId: bare, spanId: 'none' }, 'NOT_FOUND', 'input.spanId'],
      [{ promptName: 'none' }, 'NOT_FOUND', 'input.promptName'],
      [{ promptName: name }, 'NOT_FOUND', 'input.selector'],
    ]
    for (const [input, code, field] of cases) {
      const { extensions } = await tenant.client.refusal(CreatePlaygroundSessionDocument, { input })
      expect([input, extensions]).toEqual([input, expect.objectContaining({ code, field })])
    }
  })

  test('is listed, the newest first, by trace and by prompt', async () => {
    const { name } = await makePrompt(tenant.client)
    await publish(tenant.client, name)
    const traceId = await record({ messages: [{ role: 'user', content: 'x' }] })
    const ofPrompt = [await open({ promptName: name }), await open({ promptName: name })].map(({ id }) => id)
    const { id: ofTrace } = await open({ traceId })
    const list = async (query: object) =>
      (await tenant.client.ask(PlaygroundSessionsDocument, query)).playgroundSessions
    expect(await list({ traceId })).toMatchObject({ nodes: [{ id: ofTrace }], totalCount: 1 })
    const page = await list({ promptName: name, first: 1 })
    expect(page).toMatchObject({ nodes: [{ id: ofPrompt[1] }], totalCount: 2, pageInfo: { hasNextPage: true } })
    expect((await list({ promptName: name, first: 1, after: page.pageInfo.endCursor })).nodes).toEqual([
      { id: ofPrompt[0] },
    ])
    expect((await list({ promptName: 'none' })).nodes).toEqual([])
    const { trace } = await tenant.client.ask(TraceSessionsDocument, { id: traceId })
    expect(trace?.playgroundSessions).toEqual({ nodes: [{ id: ofTrace }], totalCount: 1 })
  })
})
