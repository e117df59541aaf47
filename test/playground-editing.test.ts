import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  AddPlaygroundBlockDocument,
  CompilePlaygroundDocument,
  CreatePlaygroundSessionDocument,
  DeletePlaygroundSessionDocument,
  EditPlaygroundBlockDocument,
  MovePlaygroundBlockDocument,
  PlaygroundSessionDocument,
  PromptVersionDocument,
  RemovePlaygroundBlockDocument,
  SavePlaygroundDocument,
  UpdatePlaygroundModelDocument,
  UpdatePlaygroundToolsDocument,
  UpdatePlaygroundVariablesDocument,
} from './generated/documents.ts'
import { freshId, ingest } from './harness/ingest.ts'
import { getPrompt, makePrompt, publish, rewrite, saying } from './harness/prompt.ts'
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

  async function open(content = saying('one')) {
    const { name } = await makePrompt(tenant.client, content)
    await publish(tenant.client, name)
    const input = { promptName: name }
    const { createPlaygroundSession } = await tenant.client.ask(CreatePlaygroundSessionDocument, { input })
    return { name, id: createPlaygroundSession.id }
  }

  async function look(id: string) {
    const { playgroundSession } = await tenant.client.ask(PlaygroundSessionDocument, { id })
    if (!playgroundSession) throw new Error(`no session ${id}`)
    return playgroundSession
  }

  describe('is edited:', () => {
    test('its blocks, its variables, its model and its tools; each edit is a revision', async () => {
      const { id: sessionId } = await open(saying('Be kind.', { responseSchema: { type: 'object' } }))
      const { client } = tenant
      await client.ask(EditPlaygroundBlockDocument, { sessionId, blockId: 'said', input: { content: 'Be {{ how }}.' } })
      const input = { id: 'asked', role: 'USER' as const, content: 'Why?', when: 'how == "kind"' }
      await client.ask(AddPlaygroundBlockDocument, { sessionId, input, position: 0 })
      await client.ask(AddPlaygroundBlockDocument, { sessionId, input: { role: 'USER', content: 'gone soon' } })
      await client.ask(RemovePlaygroundBlockDocument, { sessionId, blockId: 'user' })
      await client.ask(MovePlaygroundBlockDocument, { sessionId, blockId: 'asked', position: 1 })
      await client.ask(UpdatePlaygroundVariablesDocument, { sessionId, variables: { how: 'kind' } })
      const model = { provider: 'openai', name: 'gpt-4o', parameters: { temperature: 0 } }
      await client.ask(UpdatePlaygroundModelDocument, { sessionId, model })
      await client.ask(UpdatePlaygroundToolsDocument, { sessionId, tools: [{ name: 'search' }], toolChoice: 'auto' })
      const edited = await look(sessionId)
      expect(edited).toMatchObject({
        revision: 9,
        variables: { how: 'kind' },
        compiled: {
          messages: [
            { role: 'system', content: 'Be kind.' },
            { role: 'user', content: 'Why?' },
          ],
          model,
          tools: [{ name: 'search' }],
          toolChoice: 'auto',
          responseSchema: { type: 'object' },
        },
        diff: { identical: false },
      })
      expect(edited.base.blocks).toMatchObject([{ content: 'Be kind.' }])
      expect(edited.diff.unified).toContain('-  Be kind.')
      await client.ask(UpdatePlaygroundToolsDocument, { sessionId, responseSchema: null })
      expect((await look(sessionId)).compiled).toMatchObject({ tools: [{ name: 'search' }], responseSchema: null })
    })

    test('what can not be is refused with its place, and nothing of it is done', async () => {
      const { id: sessionId } = await open()
      const cases = [
        [EditPlaygroundBlockDocument, { blockId: 'none', input: {} }, 'NOT_FOUND', 'blockId'],
        [EditPlaygroundBlockDocument, { blockId: 'said', input: { content: '{{' } }, 'INVALID_INPUT', 'input.content'],
        [EditPlaygroundBlockDocument, { blockId: 'said', input: { when: 'a ==' } }, 'INVALID_INPUT', 'input.when'],
        [AddPlaygroundBlockDocument, { input: { id: 'said', role: 'USER', content: '' } }, 'INVALID_INPUT', 'input.id'],
        [
          AddPlaygroundBlockDocument,
          { input: { role: 'USER', content: '' }, position: 9 },
          'INVALID_INPUT',
          'position',
        ],
        [MovePlaygroundBlockDocument, { blockId: 'said', position: -1 }, 'INVALID_INPUT', 'position'],
        [RemovePlaygroundBlockDocument, { blockId: 'none' }, 'NOT_FOUND', 'blockId'],
        [UpdatePlaygroundVariablesDocument, { variables: [] }, 'INVALID_INPUT', 'variables'],
        [UpdatePlaygroundModelDocument, { model: { provider: '', name: 'x' } }, 'INVALID_INPUT', 'model.provider'],
      ] as const
      for (const [document, variables, code, field] of cases) {
        const { extensions } = await tenant.client.refusal(document as never, { sessionId, ...variables } as never)
        expect([variables, extensions]).toEqual([variables, expect.objectContaining({ code, field })])
      }
      expect(await look(sessionId)).toMatchObject({ revision: 1, diff: { identical: true } })
      const gone = { sessionId: 'ps_none', blockId: 'said', input: {} }
      const { extensions } = await tenant.client.refusal(EditPlaygroundBlockDocument, gone)
      expect(extensions).toMatchObject({ code: 'NOT_FOUND', field: 'sessionId' })
    })

    test('of many editors at once every edit lands', async () => {
      const { id: sessionId } = await open()
      await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          tenant.client.ask(AddPlaygroundBlockDocument, {
            sessionId,
            input: { id: `b${index}`, role: 'USER', content: `${index}` },
          }),
        ),
      )
      const { content, revision } = await look(sessionId)
      expect(new Set(content.blocks.map(({ id }) => id)).size).toBe(21)
      expect(revision).toBe(21)
    })

    test('what is missing is told, and refused where it is to be sent', async () => {
      const { id: sessionId } = await open(saying('{{ a }}', { variables: [{ name: 'a', required: true }] }))
      expect((await look(sessionId)).compiled).toMatchObject({ missingVariables: ['a'] })
      const { extensions } = await tenant.client.refusal(CompilePlaygroundDocument, { sessionId })
      expect(extensions).toMatchObject({ code: 'INVALID_INPUT', field: 'variables' })
      await tenant.client.ask(UpdatePlaygroundVariablesDocument, { sessionId, variables: { a: 'x' } })
      const { compilePlayground } = await tenant.client.ask(CompilePlaygroundDocument, { sessionId })
      expect(compilePlayground.messages).toEqual([{ role: 'system', content: 'x' }])
    })
  })

  describe('is saved', () => {
    const edit = (sessionId: string, content: string) =>
      tenant.client.ask(EditPlaygroundBlockDocument, { sessionId, blockId: 'said', input: { content } })
    const save = (sessionId: string, expectedRevision?: number) =>
      tenant.client.send(SavePlaygroundDocument, {
        sessionId,
        ...(expectedRevision !== undefined && { expectedRevision }),
      })

    test('into the draft of its prompt, with all that it has, and publishing tells where it came from', async () => {
      const traceId = freshId()
      const tools = [{ type: 'function', function: { name: 'search' } }]
      const { name } = await makePrompt(tenant.client, saying('one', { tools, responseSchema: { type: 'object' } }))
      const { etag } = await publish(tenant.client, name)
      const messages = [
        { role: 'system', content: 'one' },
        { role: 'user', content: 'what was asked then' },
      ]
      await ingest(tenant.client, { id: traceId, promptName: name, etag, messages })
      const { createPlaygroundSession } = await tenant.client.ask(CreatePlaygroundSessionDocument, {
        input: { traceId },
      })
      const { id } = createPlaygroundSession
      await edit(id, 'two')
      const { data } = await save(id)
      expect(data?.savePlayground).toMatchObject({ prompt: { name }, revision: 2, changed: true })
      expect(data?.savePlayground.content).toMatchObject({
        blocks: [{ id: 'said', content: 'two' }],
        tools,
        responseSchema: { type: 'object' },
      })
      expect((await publish(tenant.client, name)).evidence).toEqual({
        trace: { id: traceId },
        session: { id },
        runs: [],
      })
      const { prompt } = await tenant.client.ask(PromptVersionDocument, { name, selector: { version: 2 } })
      expect(prompt?.version?.evidence).toEqual({ trace: { id: traceId }, session: { id }, runs: [] })
      await rewrite(tenant.client, name, saying('by hand'))
      expect((await publish(tenant.client, name)).evidence).toBeNull()
    })

    test('again and again, but not over what somebody else has written', async () => {
      const { name, id } = await open()
      await edit(id, 'two')
      expect((await save(id)).data?.savePlayground.revision).toBe(2)
      await edit(id, 'three')
      expect((await save(id)).data?.savePlayground.revision).toBe(3)
      await rewrite(tenant.client, name, saying('by somebody else'))
      const { errors } = await save(id)
      expect(errors?.[0]?.extensions).toMatchObject({
        code: 'STALE_REVISION',
        currentRevision: 4,
        hint: expect.stringContaining('open'),
      })
      expect((await getPrompt(tenant.client, name)).draft.content.blocks[0]?.content).toBe('by somebody else')
      expect((await save(id, 4)).data?.savePlayground).toMatchObject({
        revision: 5,
        content: { blocks: [{ content: 'three' }] },
      })
    })

    test('not over what is newer than what it was opened from, unless that is said', async () => {
      const { name } = await makePrompt(tenant.client, saying('one'))
      const { etag } = await publish(tenant.client, name)
      const traceId = freshId()
      await ingest(tenant.client, { id: traceId, promptName: name, etag })
      await rewrite(tenant.client, name, saying('newer'))
      const { createPlaygroundSession } = await tenant.client.ask(CreatePlaygroundSessionDocument, {
        input: { traceId },
      })
      const { errors } = await save(createPlaygroundSession.id)
      expect(errors?.[0]?.extensions).toMatchObject({ code: 'STALE_REVISION', currentRevision: 2 })
      expect((await save(createPlaygroundSession.id, 2)).data?.savePlayground.content.blocks).toMatchObject([
        { content: 'one' },
      ])
    })

    test('over what is newer, where a version keeps that', async () => {
      const { name } = await makePrompt(tenant.client, saying('one'))
      const { etag } = await publish(tenant.client, name)
      const traceId = freshId()
      await ingest(tenant.client, { id: traceId, promptName: name, etag })
      await rewrite(tenant.client, name, saying('newer'))
      await publish(tenant.client, name)
      const { createPlaygroundSession } = await tenant.client.ask(CreatePlaygroundSessionDocument, {
        input: { traceId },
      })
      const { id } = createPlaygroundSession
      await edit(id, 'two')
      expect((await save(id)).data?.savePlayground).toMatchObject({
        revision: 3,
        content: { blocks: [{ content: 'two' }] },
      })
    })

    test('with the model and the tools that it runs with, and without what else was sent', async () => {
      const { name } = await makePrompt(tenant.client, saying('one', { tools: [{ name: 'own' }] }))
      const { etag } = await publish(tenant.client, name)
      const traceId = freshId()
      const call = { model: 'gpt-4o', provider: 'openai', tools: [{ name: 'of the call' }], toolChoice: 'auto' }
      const messages = [
        { role: 'system', content: 'one' },
        { role: 'user', content: 'Why?' },
      ]
      await ingest(tenant.client, { id: traceId, promptName: name, etag, messages, ...call })
      const { createPlaygroundSession } = await tenant.client.ask(CreatePlaygroundSessionDocument, {
        input: { traceId },
      })
      const { id: sessionId } = createPlaygroundSession
      await edit(sessionId, 'two')
      await tenant.client.ask(UpdatePlaygroundToolsDocument, { sessionId, toolChoice: 'required' })
      const { content } = await look(sessionId)
      const saved = (await save(sessionId)).data?.savePlayground.content
      expect(saved).toEqual({ ...content, blocks: content.blocks.filter(({ id }) => id === 'said') })
      expect(saved).toMatchObject({
        blocks: [{ content: 'two' }],
        model: { provider: 'openai', name: 'gpt-4o' },
        tools: [{ name: 'of the call' }],
        toolChoice: 'required',
      })
    })

    test('with the model of the draft, where the call has not said whose its own is', async () => {
      const model = { provider: 'openai', name: 'gpt-4.1' }
      const { name } = await makePrompt(tenant.client, saying('one', { model }))
      await publish(tenant.client, name)
      const traceId = freshId()
      const messages = [{ role: 'user', content: 'Why?' }]
      await ingest(tenant.client, { id: traceId, promptName: name, messages, model: 'gpt-4o' })
      const { createPlaygroundSession } = await tenant.client.ask(CreatePlaygroundSessionDocument, {
        input: { traceId },
      })
      const { data } = await save(createPlaygroundSession.id)
      expect(data?.savePlayground.content).toMatchObject({ blocks: [{ content: 'Why?' }], model })
    })

    test('as a prompt of its own where it has none', async () => {
      const traceId = freshId()
      await ingest(tenant.client, {
        id: traceId,
        name: `call of ${traceId}`,
        messages: [{ role: 'user', content: 'Why?' }],
      })
      const { createPlaygroundSession } = await tenant.client.ask(CreatePlaygroundSessionDocument, {
        input: { traceId },
      })
      const { data } = await save(createPlaygroundSession.id)
      expect(data?.savePlayground).toMatchObject({
        prompt: { name: `call of ${traceId}` },
        content: { blocks: [{ role: 'USER', content: 'Why?' }] },
      })
      expect((await look(createPlaygroundSession.id)).prompt?.name).toBe(`call of ${traceId}`)
      const again = await save(createPlaygroundSession.id)
      expect(again.errors).toBeUndefined()
    })

    test('by a name that a prompt may have, whatever its trace is called', async () => {
      const traceId = freshId()
      const messages = [{ role: 'user', content: 'Why?' }]
      await ingest(tenant.client, { id: traceId, name: ` one\nof ${traceId}\t${'x'.repeat(300)}`, messages })
      const { createPlaygroundSession } = await tenant.client.ask(CreatePlaygroundSessionDocument, {
        input: { traceId },
      })
      const { data } = await save(createPlaygroundSession.id)
      expect(data?.savePlayground.prompt.name).toBe(`one of ${traceId} ${'x'.repeat(300)}`.slice(0, 150))
    })

    test('but not what no prompt may hold, however it came to be in a call', async () => {
      const traceId = freshId()
      const messages = Array.from({ length: 501 }, (_, index) => ({ role: 'user', content: `No. ${index}` }))
      await ingest(tenant.client, { id: traceId, messages })
      const { createPlaygroundSession } = await tenant.client.ask(CreatePlaygroundSessionDocument, {
        input: { traceId },
      })
      const { errors } = await save(createPlaygroundSession.id)
      expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', field: 'content.blocks' })
    })
  })

  test('is deleted, and is gone', async () => {
    const { id: sessionId } = await open()
    expect(await tenant.client.ask(DeletePlaygroundSessionDocument, { sessionId })).toEqual({
      deletePlaygroundSession: true,
    })
    expect((await tenant.client.ask(PlaygroundSessionDocument, { id: sessionId })).playgroundSession).toBeNull()
    const { extensions } = await tenant.client.refusal(DeletePlaygroundSessionDocument, { sessionId })
    expect(extensions).toMatchObject({ code: 'NOT_FOUND', field: 'sessionId' })
  })
})
