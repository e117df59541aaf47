import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PublishPromptDocument, UpdatePromptDraftDocument } from './generated/documents.ts'
import { getPrompt, makePrompt, publish, rewrite, saying } from './harness/prompt.ts'
import { makeKey, makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'
import { until } from './harness/until.ts'

describe('the draft of a prompt', () => {
  let app: TestApp
  let tenant: TestTenant

  beforeAll(async () => {
    app = await startTestApp()
    tenant = await makeTenant(app)
  })
  afterAll(() => app.close())

  function update(name: string, content: string, expectedRevision: number) {
    return tenant.client.send(UpdatePromptDraftDocument, { name, input: saying(content), expectedRevision })
  }

  const textOf = async (name: string) => (await getPrompt(tenant.client, name)).draft.content.blocks[0]?.content

  test('is written as a whole, and its revision goes up', async () => {
    const { name, draft } = await makePrompt(
      tenant.client,
      saying('one', { tools: [{ name: 'look' }], toolChoice: 'auto' }),
    )
    const written = await rewrite(tenant.client, name, saying('two', { model: { provider: 'p', name: 'm' } }))
    expect(written).toMatchObject({ prompt: { name }, revision: 2, changed: true, baseVersion: null })
    expect(written.content).toMatchObject({ tools: null, toolChoice: null, model: { name: 'm' } })
    expect(written.etag).not.toBe(draft.etag)
    expect((await getPrompt(tenant.client, name)).draft).toEqual(written)
    expect(
      await rewrite(tenant.client, name, saying('one', { tools: [{ name: 'look' }], toolChoice: 'auto' })),
    ).toMatchObject({
      revision: 3,
      etag: draft.etag,
    })
  })

  test('is not written by who has read another revision; what it is now is said', async () => {
    const { name } = await makePrompt(tenant.client)
    await rewrite(tenant.client, name, saying('newer'))
    for (const expected of [1, 3, 0, -1]) {
      const { errors } = await update(name, 'lost', expected)
      expect(errors?.[0]).toMatchObject({
        message: `The draft is at revision 2; you expected ${expected}.`,
        extensions: { code: 'STALE_REVISION', field: 'expectedRevision', currentRevision: 2 },
      })
    }
    expect(await textOf(name)).toBe('newer')
  })

  test('of many who write at once one wins, and the others are told so', async () => {
    const { name } = await makePrompt(tenant.client)
    for (const revision of [1, 2, 3]) {
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, writer) => update(name, `${revision}/${writer}`, revision)),
      )
      const winners = answers.flatMap(({ errors }, writer) => (errors ? [] : writer))
      expect(winners).toHaveLength(1)
      expect(answers.flatMap(({ errors }) => errors?.[0]?.extensions.code ?? [])).toEqual(
        Array(9).fill('STALE_REVISION'),
      )
      expect(await textOf(name)).toBe(`${revision}/${winners[0]}`)
    }
  })

  test('tells each writer what that one has written, whoever comes next', async () => {
    const { name } = await makePrompt(tenant.client)
    for (let revision = 1; revision < 40; revision += 2) {
      const [first, second] = await Promise.all([
        update(name, 'first', revision),
        until(async () => {
          const answer = await update(name, 'second', revision + 1)
          return !answer.errors && answer
        }),
      ])
      const told = [first, second].map(({ data }) => {
        const { revision, content } = data?.updatePromptDraft ?? {}
        return [revision, content?.blocks[0]?.content]
      })
      expect(told).toEqual([
        [revision + 1, 'first'],
        [revision + 2, 'second'],
      ])
    }
  })

  test('is refused what no model could be called with, with the place', async () => {
    const { name } = await makePrompt(tenant.client)
    for (const [place, more] of [
      ['tools[0]', { tools: [1] }],
      ['toolChoice', { toolChoice: 1 }],
      ['responseSchema', { responseSchema: 'x' }],
      ['blocks[0].when', { blocks: [{ role: 'USER' as const, content: '', when: '1' }] }],
    ] as const) {
      const input = { name, input: saying('x', more as object), expectedRevision: 1 }
      const { extensions } = await tenant.client.refusal(UpdatePromptDraftDocument, input)
      expect(extensions).toMatchObject({ code: 'INVALID_INPUT', field: `input.${place}` })
    }
  })

  describe('written by a client that knows of no formats', () => {
    const json = '[{"type":"text","text":"{{ question }}"}]'
    const blocks = [
      { id: 'rules', role: 'SYSTEM' as const, format: 'TEXT' as const, content: '[Rules] Be kind.' },
      { id: 'asked', role: 'USER' as const, format: 'JSON' as const, content: json },
    ]

    async function rewritten(...given: { id?: string; format?: 'TEXT' | 'JSON' | null; content: string }[]) {
      const { name } = await makePrompt(tenant.client, { blocks })
      const input = { blocks: given.map((block) => ({ role: 'USER' as const, ...block })) }
      return (await rewrite(tenant.client, name, input)).content.blocks.map(({ format }) => format)
    }

    test('keeps the format of each block that was there', async () => {
      const { name, draft } = await makePrompt(tenant.client, { blocks })
      const known = draft.content.blocks.map(({ format: _, ...block }) => block)
      const written = await rewrite(tenant.client, name, { blocks: known.toReversed() })
      expect(written.content.blocks).toEqual(draft.content.blocks.toReversed())
      expect(await rewritten({ id: 'asked', format: null, content: ' \n{"content": null}' })).toEqual(['JSON'])
    })

    test('makes text of what can no longer be JSON, and of what is new', async () => {
      expect(await rewritten({ id: 'asked', content: 'Why?' }, { id: 'rules', content: json })).toEqual([
        'TEXT',
        'TEXT',
      ])
      expect(await rewritten({ id: 'asked', content: '{{ question }}' })).toEqual(['TEXT'])
      expect(await rewritten({ id: 'asked', content: '' }, { content: json })).toEqual(['TEXT', 'TEXT'])
      expect(await rewritten({ id: 'asked', format: 'TEXT', content: json })).toEqual(['TEXT'])
    })

    test('is told where it meant to write JSON and did not, or has read another revision', async () => {
      const { name } = await makePrompt(tenant.client, { blocks })
      const input = (content: string) => ({ blocks: [{ id: 'asked', role: 'USER' as const, content }] })
      const refusal = (content: string, expectedRevision: number) =>
        tenant.client.refusal(UpdatePromptDraftDocument, { name, input: input(content), expectedRevision })
      for (const content of ['[{"type":', '"Why?"']) {
        expect((await refusal(content, 1)).extensions).toMatchObject({ field: 'input.blocks[0].content' })
      }
      expect((await refusal(json, 2)).extensions).toMatchObject({ code: 'STALE_REVISION', currentRevision: 1 })
    })
  })

  test('is published as it was read, or not at all, while others write to it', async () => {
    const { name } = await makePrompt(tenant.client, saying('revision 1'))
    for (let revision = 1; revision <= 8; revision++) {
      const [written, published] = await Promise.all([
        update(name, `revision ${revision + 1}`, revision),
        tenant.client.send(PublishPromptDocument, { name, expectedRevision: revision }),
      ])
      expect(written.errors).toBeUndefined()
      const content = published.data?.publishPrompt.content.blocks[0]?.content
      const code = published.errors?.[0]?.extensions.code
      expect([`revision ${revision}`, 'STALE_REVISION']).toContain(content ?? code)
    }
  })

  test('says whether it differs from what it was published as', async () => {
    const { name } = await makePrompt(tenant.client, saying('one'))
    const states = async () => {
      const { draft } = await getPrompt(tenant.client, name)
      return [draft.baseVersion, draft.changed]
    }
    await publish(tenant.client, name)
    expect(await states()).toEqual([1, false])
    await rewrite(tenant.client, name, saying('two'))
    expect(await states()).toEqual([1, true])
    await rewrite(tenant.client, name, saying('one'))
    expect(await states()).toEqual([1, false])
  })

  test('an agent that may EDIT drafts, and may not publish what it drafted', async () => {
    const { name } = await makePrompt(tenant.client)
    const { secret } = await makeKey(tenant.client, { scopes: ['READ', 'EDIT'] })
    const agent = app.client(secret)
    expect((await rewrite(agent, name, saying('better'))).revision).toBe(2)
    const refusal = await agent.refusal(PublishPromptDocument, { name, expectedRevision: 2 })
    expect(refusal.extensions.code).toBe('FORBIDDEN')
    const publisher = app.client(
      (await makeKey(tenant.client, { name: 'releases', scopes: ['READ', 'PUBLISH'] })).secret,
    )
    expect((await publish(publisher, name)).author.keyName).toBe('releases')
    const input = { name, input: saying('worse'), expectedRevision: 2 }
    expect((await publisher.refusal(UpdatePromptDraftDocument, input)).extensions.code).toBe('FORBIDDEN')
  })
})
