import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  CompilePromptDocument,
  DeletePromptDocument,
  DeletePromptVersionDocument,
  DeleteTracesDocument,
  PromptLabelMovesDocument,
  PromptVersionDocument,
  PromptVersionsDocument,
  PublishPromptDocument,
  RemovePromptLabelDocument,
  SetPromptLabelDocument,
} from './generated/documents.ts'
import { freshId, ingest } from './harness/ingest.ts'
import { getPrompt, makePrompt, publish, rewrite, saying } from './harness/prompt.ts'
import { initWith, openRawSocket, operation } from './harness/raw-socket.ts'
import { makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'
import { until } from './harness/until.ts'

describe('publishing a prompt', () => {
  let app: TestApp
  let tenant: TestTenant

  beforeAll(async () => {
    app = await startTestApp()
    tenant = await makeTenant(app)
  })
  afterAll(() => app.close())

  /** A prompt with versions that say these. */
  async function makeVersions(...contents: string[]): Promise<string> {
    const { name } = await makePrompt(tenant.client, saying(contents[0] ?? ''))
    for (const [index, content] of contents.entries()) {
      if (index > 0) await rewrite(tenant.client, name, saying(content))
      await publish(tenant.client, name)
    }
    return name
  }

  const labelsOf = async (name: string) =>
    Object.fromEntries((await getPrompt(tenant.client, name)).labels.map((label) => [label.name, label.version.number]))

  async function versionsOf(name: string) {
    const { prompt } = await tenant.client.ask(PromptVersionsDocument, { name })
    return prompt?.versions.nodes ?? []
  }

  async function movesOf(name: string) {
    const { prompt } = await tenant.client.ask(PromptLabelMovesDocument, { name })
    return prompt?.labelMoves.nodes.map(({ label, from, to }) => [label, from, to])
  }

  test('makes a version of the draft and moves the label, with note, author and evidence', async () => {
    const traceId = freshId()
    await ingest(tenant.client, { id: traceId })
    const { name, draft } = await makePrompt(tenant.client, saying('Be kind.', { tools: [{ name: 'search' }] }))
    const { publishPrompt: version } = await tenant.client.ask(PublishPromptDocument, {
      name,
      expectedRevision: 1,
      note: 'The first one.',
      evidence: { traceId },
    })
    expect(version).toMatchObject({
      prompt: { name },
      number: 1,
      etag: draft.etag,
      content: draft.content,
      note: 'The first one.',
      author: { keyId: tenant.keyId },
      evidence: { trace: { id: traceId } },
    })
    const prompt = await getPrompt(tenant.client, name)
    expect(prompt).toMatchObject({ published: { number: 1 }, draft: { revision: 1, baseVersion: 1, changed: false } })
    expect(prompt.labels).toEqual([{ name: 'production', version: { number: 1 }, movedAt: version.publishedAt }])
    await tenant.client.ask(DeleteTracesDocument, { ids: [traceId] })
    expect((await versionsOf(name))[0]?.evidence).toMatchObject({ trace: null })
  })

  test('of what has not changed makes no new version', async () => {
    const name = await makeVersions('one')
    expect(await publish(tenant.client, name)).toMatchObject({ number: 1 })
    expect(await movesOf(name)).toEqual([['production', null, 1]])
    expect(await publish(tenant.client, name, { note: 'again' })).toMatchObject({ number: 1, note: null })
    expect(await versionsOf(name)).toHaveLength(1)
    const { prompt } = await tenant.client.ask(PromptLabelMovesDocument, { name })
    expect(prompt?.labelMoves.nodes).toMatchObject([
      { from: 1, to: 1, note: 'again' },
      { from: null, to: 1 },
    ])
  })

  test('of what an older version says is that version again: of one etag there is one', async () => {
    const name = await makeVersions('one', 'two')
    await rewrite(tenant.client, name, saying('one'))
    expect((await publish(tenant.client, name, { note: 'back to it' })).number).toBe(1)
    expect(await labelsOf(name)).toEqual({ production: 1 })
    expect((await getPrompt(tenant.client, name)).draft).toMatchObject({ baseVersion: 1, changed: false })
    await rewrite(tenant.client, name, saying('three'))
    expect((await publish(tenant.client, name)).number).toBe(3)
    const { prompt } = await tenant.client.ask(PromptLabelMovesDocument, { name })
    expect(prompt?.labelMoves.nodes.map(({ from, to, note }) => [from, to, note])).toEqual([
      [1, 3, null],
      [2, 1, 'back to it'],
      [1, 2, null],
      [null, 1, null],
    ])
  })

  test('under a label of its own leaves production where it is', async () => {
    const name = await makeVersions('one')
    await rewrite(tenant.client, name, saying('two'))
    expect((await publish(tenant.client, name, { label: 'staging' })).number).toBe(2)
    expect(await labelsOf(name)).toEqual({ production: 1, staging: 2 })
    for (const label of ['', 'Production', 'a b', '-a', 'x'.repeat(101)]) {
      const { extensions } = await tenant.client.refusal(PublishPromptDocument, { name, expectedRevision: 2, label })
      expect(extensions).toMatchObject({ code: 'INVALID_INPUT', field: 'label' })
    }
  })

  test('is refused of a draft that is not what was read, and of what is not there', async () => {
    const { name } = await makePrompt(tenant.client)
    const refusal = (change: object) =>
      tenant.client.refusal(PublishPromptDocument, { name, expectedRevision: 1, ...change })
    expect((await refusal({ expectedRevision: 2 })).extensions).toMatchObject({
      code: 'STALE_REVISION',
      currentRevision: 1,
    })
    expect((await refusal({ name: 'nobody' })).extensions).toMatchObject({ code: 'NOT_FOUND', field: 'name' })
    const evidence = { traceId: 'none' }
    expect((await refusal({ evidence })).extensions).toMatchObject({ code: 'NOT_FOUND', field: 'evidence.traceId' })
    expect((await refusal({ note: 'x'.repeat(2_001) })).extensions).toMatchObject({
      code: 'INVALID_INPUT',
      field: 'note',
    })
    expect(await versionsOf(name)).toEqual([])
  })

  test('at once from many makes one version', async () => {
    const { name } = await makePrompt(tenant.client)
    const published = await Promise.all(Array.from({ length: 10 }, () => publish(tenant.client, name)))
    expect(new Set(published.map(({ number }) => number))).toEqual(new Set([1]))
    expect(await movesOf(name)).toEqual([['production', null, 1]])
  })

  test('versions are listed newest first, in pages, and found by each of their names', async () => {
    const name = await makeVersions('one', 'two', 'three')
    const page = await tenant.client.ask(PromptVersionsDocument, { name, first: 2 })
    const { nodes, pageInfo, totalCount } = page.prompt?.versions ?? {}
    expect([nodes?.map(({ number }) => number), totalCount]).toEqual([[3, 2], 3])
    const rest = await tenant.client.ask(PromptVersionsDocument, { name, first: 2, after: pageInfo?.endCursor })
    expect(rest.prompt?.versions).toMatchObject({ nodes: [{ number: 1 }], pageInfo: { hasNextPage: false } })
    const find = async (selector: object) =>
      (await tenant.client.ask(PromptVersionDocument, { name, selector })).prompt?.version?.number ?? null
    expect(await find({ version: 2 })).toBe(2)
    expect(await find({ etag: nodes?.[1]?.etag })).toBe(2)
    expect(await find({ label: 'production' })).toBe(3)
    expect(await find({})).toBe(3)
    expect(await find({ draft: false })).toBe(3)
    expect([await find({ version: 9 }), await find({ label: 'x' }), await find({ etag: 'x' })]).toEqual([
      null,
      null,
      null,
    ])
    const forged = (number: number) => Buffer.from(JSON.stringify([number])).toString('base64url')
    for (const after of [forged(2 ** 40), forged(-(2 ** 40))]) {
      expect((await tenant.client.send(PromptVersionsDocument, { name, after })).errors).toBeUndefined()
    }
    const refusal = (selector: object) => tenant.client.refusal(PromptVersionDocument, { name, selector })
    expect((await refusal({ version: 1, label: 'production' })).message).toContain('got version and label')
    expect((await refusal({ draft: true })).extensions).toMatchObject({
      code: 'INVALID_INPUT',
      field: 'selector.draft',
    })
  })

  test('beside a deletion, one of the two is done', async () => {
    const other = await startTestApp({ backend: app.backend })
    const elsewhere = other.client(tenant.key)
    for (let round = 0; round < 40; round++) {
      const { name } = await makePrompt(tenant.client)
      const [published, deleted] = await Promise.all([
        tenant.client.send(PublishPromptDocument, { name, expectedRevision: 1 }),
        elsewhere.send(DeletePromptDocument, { name }),
      ])
      const codes = [published, deleted].map(({ errors }) => errors?.[0]?.extensions.code)
      expect([
        [undefined, 'CONFLICT'],
        ['NOT_FOUND', undefined],
      ]).toContainEqual(codes)
    }
    await other.close()
  })

  describe('in one document with other changes', () => {
    const state = 'draft { revision changed } published { number } labels { name version { number } }'

    test('shows what each of them has made of it', async () => {
      const { name } = await makePrompt(tenant.client, saying('one'))
      const document = `mutation ($name: String!, $two: PromptContentInput!, $three: PromptContentInput!) {
        first: publishPrompt(name: $name, expectedRevision: 1) { prompt { ${state} } }
        two: updatePromptDraft(name: $name, input: $two, expectedRevision: 1) { prompt { ${state} } }
        three: updatePromptDraft(name: $name, input: $three, expectedRevision: 2) { prompt { ${state} } }
        second: publishPrompt(name: $name, expectedRevision: 3, label: "canary") { prompt { ${state} } }
      }`
      const variables = { name, two: saying('two'), three: saying('three') }
      const production = { name: 'production', version: { number: 1 } }
      const before = { published: { number: 1 }, labels: [production] }
      expect(await tenant.client.ask(document, variables)).toEqual({
        first: { prompt: { ...before, draft: { revision: 1, changed: false } } },
        two: { prompt: { ...before, draft: { revision: 2, changed: true } } },
        three: { prompt: { ...before, draft: { revision: 3, changed: true } } },
        second: {
          prompt: {
            draft: { revision: 3, changed: false },
            published: { number: 1 },
            labels: [{ name: 'canary', version: { number: 2 } }, production],
          },
        },
      })
    })

    test('shows where a label was after each move, over HTTP and WebSocket', async () => {
      const name = await makeVersions('one', 'two')
      const move = (version: number) =>
        `setPromptLabel(name: $name, label: "production", version: ${version}) { ${state} }`
      const document = `mutation ($name: String!) { back: ${move(1)} again: ${move(2)} }`
      const at = (number: number) => ({ published: { number }, labels: [{ version: { number } }] })
      const raw = openRawSocket(tenant.client)
      raw.send(initWith(tenant.key))
      await until(() => raw.frames.some(({ type }) => type === 'connection_ack'))
      raw.send(operation('moves', document, { name }))
      await until(() => raw.frames.some(({ type }) => type === 'complete'))
      raw.socket.close()
      const sent = raw.frames.find(({ id, type }) => id === 'moves' && type === 'next')
      for (const data of [sent?.payload.data, await tenant.client.ask(document, { name })]) {
        expect(data).toMatchObject({ back: at(1), again: at(2) })
      }
    })
  })

  describe('labels', () => {
    test('move back in one call, and their moves are kept', async () => {
      const name = await makeVersions('one', 'two')
      const { setPromptLabel } = await tenant.client.ask(SetPromptLabelDocument, {
        name,
        label: 'production',
        version: 1,
      })
      expect(setPromptLabel).toMatchObject({ published: { number: 1 }, draft: { baseVersion: 2 } })
      const { compilePrompt } = await tenant.client.ask(CompilePromptDocument, { name })
      expect(compilePrompt.messages).toEqual([{ role: 'system', content: 'one' }])
      await tenant.client.ask(SetPromptLabelDocument, { name, label: 'production', version: 1 })
      await tenant.client.ask(SetPromptLabelDocument, { name, label: 'canary', version: 2 })
      expect(await movesOf(name)).toEqual([
        ['canary', null, 2],
        ['production', 2, 1],
        ['production', 1, 2],
        ['production', null, 1],
      ])
    })

    test('are removed, and what is asked for by them is not found', async () => {
      const name = await makeVersions('one')
      expect(
        (await tenant.client.ask(RemovePromptLabelDocument, { name, label: 'none' })).removePromptLabel.labels,
      ).toHaveLength(1)
      const { removePromptLabel } = await tenant.client.ask(RemovePromptLabelDocument, { name, label: 'production' })
      expect(removePromptLabel).toMatchObject({ published: null, labels: [] })
      expect(await movesOf(name)).toEqual([
        ['production', 1, null],
        ['production', null, 1],
      ])
      const { extensions } = await tenant.client.refusal(CompilePromptDocument, { name })
      expect(extensions).toMatchObject({
        code: 'NOT_FOUND',
        field: 'selector',
        hint: expect.stringContaining('publishPrompt'),
      })
    })

    test('point at versions of their prompt alone', async () => {
      const name = await makeVersions('one')
      for (const version of [0, 2, -1]) {
        const { message, extensions } = await tenant.client.refusal(SetPromptLabelDocument, {
          name,
          label: 'production',
          version,
        })
        expect(message).toBe(`The prompt "${name}" has no version ${version}.`)
        expect(extensions).toMatchObject({ code: 'NOT_FOUND', field: 'version' })
      }
      expect(await labelsOf(name)).toEqual({ production: 1 })
    })
  })

  describe('a version', () => {
    const remove = (name: string, version: number) => tenant.client.send(DeletePromptVersionDocument, { name, version })

    test('stays while a label points at it, and its number is never given again', async () => {
      const name = await makeVersions('one', 'two')
      expect((await remove(name, 2)).errors?.[0]).toMatchObject({ extensions: { code: 'CONFLICT', field: 'version' } })
      await tenant.client.ask(SetPromptLabelDocument, { name, label: 'production', version: 1 })
      expect((await remove(name, 2)).data).toEqual({ deletePromptVersion: true })
      expect((await remove(name, 2)).errors?.[0]?.extensions).toMatchObject({ code: 'NOT_FOUND', field: 'version' })
      expect((await getPrompt(tenant.client, name)).draft).toMatchObject({ baseVersion: null, changed: true })
      expect((await publish(tenant.client, name)).number).toBe(3)
    })

    test('stays while traces are there that were made with it', async () => {
      const name = await makeVersions('one', 'two')
      const etag = (await versionsOf(name))[1]?.etag ?? null
      const id = freshId()
      await ingest(tenant.client, { id, promptName: name, etag }, { id: freshId(), promptName: 'another', etag })
      expect((await remove(name, 1)).errors?.[0]?.extensions).toMatchObject({ code: 'CONFLICT', field: 'version' })
      await tenant.client.ask(DeleteTracesDocument, { ids: [id] })
      expect((await remove(name, 1)).errors).toBeUndefined()
    })

    test('keeps its prompt from being deleted, as its traces do', async () => {
      const name = await makeVersions('one')
      const deletion = async () => (await tenant.client.send(DeletePromptDocument, { name })).errors?.[0]?.extensions
      expect(await deletion()).toMatchObject({ code: 'CONFLICT', hint: expect.stringContaining('removePromptLabel') })
      await tenant.client.ask(RemovePromptLabelDocument, { name, label: 'production' })
      const id = freshId()
      await ingest(tenant.client, { id, promptName: name, etag: (await versionsOf(name))[0]?.etag ?? null })
      expect(await deletion()).toMatchObject({ code: 'CONFLICT' })
      await tenant.client.ask(DeleteTracesDocument, { ids: [id] })
      expect(await deletion()).toBeUndefined()
    })
  })
})
