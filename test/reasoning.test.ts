import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  AgentsDocument,
  DeleteReasoningDocument,
  DeleteTracesDocument,
  ReasoningChainDocument,
  ReasoningChildrenDocument,
  type ReasoningFilter,
  ReasoningTracesDocument,
  type ReasoningTracesQuery,
  StoreReasoningDocument,
  type StoreReasoningInput,
  TraceReasoningDocument,
} from './generated/documents.ts'
import { freshId, ingest } from './harness/ingest.ts'
import { findReasoning, reasoning, storeChain, storeReasoning } from './harness/reasoning.ts'
import { makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'

let app: TestApp
let tenant: TestTenant

beforeAll(async () => {
  app = await startTestApp()
  tenant = await makeTenant(app)
})
afterAll(() => app.close())

describe('a record of reasoning', () => {
  test('comes back as it was given, every field of it, with its place in the ledger', async () => {
    const traceId = freshId()
    await ingest(tenant.client, { id: traceId, spans: [{ id: 's', name: 'look' }] })
    const before = await storeReasoning(tenant.client)
    const input: StoreReasoningInput = {
      id: freshId('tr'),
      decision: { type: 'TOOL_CALL', summary: 'Call the search', outputRef: 'msg_7' },
      reasoning: {
        observations: ['The user asked for prices', 'Nothing 🙂 is cached'],
        conclusion: 'Search first.',
        hypothesis: 'The cache is cold.',
        confidence: 0.1 + 0.2,
        alternativesConsidered: [{ option: 'guess', risk: [1, null, { deep: true }] }, 'ask'],
      },
      context: { filesRead: ['prices.csv'], keyFacts: ['tier: free'] },
      agent: `planner ${traceId}`,
      sessionId: 'session 1',
      tags: ['b', 'ä', 'a', 'b', 'B'],
      parentId: before.id,
      traceId,
      spanId: 's',
    }
    const stored = await storeReasoning(tenant.client, input)
    expect(stored).toEqual({
      id: input.id,
      decisionType: 'TOOL_CALL',
      summary: 'Call the search',
      outputRef: 'msg_7',
      observations: input.reasoning.observations,
      hypothesis: 'The cache is cold.',
      conclusion: 'Search first.',
      confidence: 0.1 + 0.2,
      alternatives: input.reasoning.alternativesConsidered,
      filesRead: ['prices.csv'],
      keyFacts: ['tier: free'],
      agent: { name: input.agent },
      sessionId: 'session 1',
      tags: ['b', 'ä', 'a', 'B'],
      parentId: before.id,
      parent: { id: before.id },
      traceId,
      trace: { id: traceId },
      spanId: 's',
      createdAt: stored.ledger.signedAt,
      ledger: {
        sequence: before.ledger.sequence + 1,
        previousHash: before.ledger.hash,
        contentHash: expect.stringMatching(/^[0-9a-f]{64}$/),
        hash: expect.stringMatching(/^[0-9a-f]{64}$/),
        signature: expect.stringMatching(/^[A-Za-z0-9+/]{86}==$/),
        keyId: before.ledger.keyId,
        signedAt: stored.createdAt,
      },
    })
    expect(await findReasoning(tenant.client, stored.id)).toMatchObject({
      id: stored.id,
      alternatives: stored.alternatives,
      tags: stored.tags,
    })
    const { agents } = await tenant.client.ask(AgentsDocument, { search: traceId })
    expect(agents.nodes).toMatchObject([{ name: input.agent }])
  })

  test('has an id and empty lists where nothing is given but what is required', async () => {
    const stored = await storeReasoning(tenant.client)
    expect(stored.id).toMatch(/^tr_[0-9a-z]{26}$/)
    const nothing = { outputRef: null, hypothesis: null, confidence: null, agent: null, sessionId: null, parent: null }
    expect(stored).toMatchObject({
      ...nothing,
      trace: null,
      spanId: null,
      alternatives: [],
      filesRead: [],
      keyFacts: [],
      tags: [],
    })
    expect(await findReasoning(tenant.client, 'nobody')).toBeNull()
  })

  test('is stored once, however often and from wherever it is sent', async () => {
    const input = reasoning({ id: freshId('tr'), agent: 'twice' })
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => tenant.client.ask(StoreReasoningDocument, { input })),
    )
    expect(new Set(answers.map(({ storeReasoning }) => JSON.stringify(storeReasoning))).size).toBe(1)
    const { extensions, message } = await tenant.client.refusal(StoreReasoningDocument, {
      input: { ...input, tags: ['other'] },
    })
    expect(extensions).toMatchObject({ code: 'CONFLICT', field: 'input.id' })
    expect(message).toContain(input.id)
  })

  test.each<[string, Partial<StoreReasoningInput>]>([
    ['input.decision.summary', { decision: { type: 'PLAN', summary: ' \n' } }],
    ['input.decision.summary', { decision: { type: 'PLAN', summary: 'x'.repeat(20_001) } }],
    ['input.decision.summary', { decision: { type: 'PLAN', summary: '\u200b\u2060' } }],
    ['input.reasoning.conclusion', { reasoning: { observations: [], conclusion: '' } }],
    ['input.reasoning.confidence', { reasoning: { observations: [], conclusion: 'x', confidence: 1.01 } }],
    ['input.reasoning.confidence', { reasoning: { observations: [], conclusion: 'x', confidence: -0.01 } }],
    ['input.reasoning.observations', { reasoning: { observations: Array(501).fill('x'), conclusion: 'x' } }],
    ['input.reasoning.observations[1]', { reasoning: { observations: ['a', 'x'.repeat(20_001)], conclusion: 'x' } }],
    ['input.reasoning.observations[1]', { reasoning: { observations: ['a', ''], conclusion: 'x' } }],
    ['input.reasoning.observations[0]', { reasoning: { observations: [' \t'], conclusion: 'x' } }],
    ['input.context.keyFacts[0]', { context: { keyFacts: ['x'.repeat(20_001)] } }],
    ['input.tags[0]', { tags: [''] }],
    ['input.tags[1]', { tags: ['a', 'x'.repeat(201)] }],
    ['input.tags[2]', { tags: ['a', 'b', ' '] }],
    ['input.tags', { tags: Array.from({ length: 101 }, (_, index) => String(index)) }],
    ['input.id', { id: '' }],
    ['input.id', { id: 'x'.repeat(201) }],
    ['input.agent', { agent: '' }],
    ['input.parentId', { id: 'own', parentId: 'own' }],
    ['input.spanId', { spanId: 's' }],
    ['input', { reasoning: { observations: Array(6).fill('x'.repeat(20_000)), conclusion: 'x' } }],
  ])('is refused where %s is wrong, and it is said', async (field, more) => {
    const { extensions } = await tenant.client.refusal(StoreReasoningDocument, { input: reasoning(more) })
    expect(extensions).toMatchObject({ code: 'INVALID_INPUT', field })
  })

  test.each(['id', 'agent', 'sessionId', 'parentId', 'traceId', 'spanId'])(
    'is refused with a blank %s',
    async (name) => {
      for (const blank of ['  \n', '\u202e', '\u00a0\u200b']) {
        const input = { ...reasoning({ traceId: 't' }), [name]: blank }
        const { extensions, message } = await tenant.client.refusal(StoreReasoningDocument, { input })
        expect(extensions).toMatchObject({ code: 'INVALID_INPUT', field: `input.${name}` })
        expect(message).toBe(`input.${name} must be a text of 1 to 200 characters; it has none but blanks.`)
      }
    },
  )

  test('may have seen nothing, and say so in signs', async () => {
    const seen = await storeReasoning(tenant.client, { reasoning: { observations: [], conclusion: '👍' }, tags: ['→'] })
    expect(seen).toMatchObject({ observations: [], conclusion: '👍', tags: ['→'] })
  })

  test('is refused with the limits that there are', async () => {
    const refusal = async (more: Partial<StoreReasoningInput>) =>
      (await tenant.client.refusal(StoreReasoningDocument, { input: reasoning(more) })).message
    const long = 'x'.repeat(20_001)
    const place = 'input.reasoning.conclusion'
    expect(await refusal({ reasoning: { observations: [], conclusion: long } })).toContain(
      `${place} must be a text of 1 to 20000 characters; got "xx`,
    )
    expect(await refusal({ reasoning: { observations: [], conclusion: '' } })).toContain(
      `${place} must be a text of 1 to 20000 characters; got ""`,
    )
    expect(await refusal({ tags: ['a', ''] })).toBe('input.tags[1] must be a text of 1 to 200 characters; got "".')
    expect(await refusal({ tags: Array(101).fill('a') })).toContain('up to 100 entries; got 101 entries.')
  })

  test('says all that its hash is made of, also when its parent and its trace are gone', async () => {
    const { client } = await makeTenant(app)
    const traceId = freshId()
    await ingest(client, { id: traceId, spans: [{ id: 's', name: 'look' }] })
    const parent = await storeReasoning(client)
    const more = { parentId: parent.id, traceId, spanId: 's', agent: 'planner', sessionId: '1', tags: ['z', 'a'] }
    const { id, ledger } = await storeReasoning(client, more)
    await client.ask(DeleteReasoningDocument, { id: parent.id })
    await client.ask(DeleteTracesDocument, { ids: [traceId] })
    const found = await findReasoning(client, id)
    expect(found).toMatchObject({ parentId: parent.id, parent: null, traceId, trace: null, spanId: 's' })
    const { decisionType: type, summary, outputRef, observations, hypothesis, conclusion, confidence } = found ?? {}
    const { alternatives: alternativesConsidered, filesRead, keyFacts, agent, sessionId, tags, spanId } = found ?? {}
    const said = {
      agent: agent?.name,
      context: { filesRead, keyFacts },
      decision: { outputRef, summary, type },
      format: 'tracemend-reasoning/1',
      id,
      parentId: found?.parentId,
      reasoning: { alternativesConsidered, conclusion, confidence, hypothesis, observations },
      ...{ sessionId, spanId, tags, traceId: found?.traceId },
    }
    expect(createHash('sha256').update(JSON.stringify(said)).digest('hex')).toBe(ledger.contentHash)
  })

  test('is refused by the name of what is missing', async () => {
    const { decision, ...rest } = reasoning()
    const { message, extensions } = await tenant.client.refusal(StoreReasoningDocument, {
      input: rest as StoreReasoningInput,
    })
    expect(extensions).toMatchObject({ code: 'INVALID_INPUT', field: 'input.decision' })
    expect(message).toContain('decision')
    const { message: other } = await tenant.client.refusal(StoreReasoningDocument, {
      input: { decision, reasoning: { conclusion: 'x' } } as unknown as StoreReasoningInput,
    })
    expect(other).toContain('observations')
  })

  test('holds what PostgreSQL can not, as well as it can', async () => {
    const stored = await storeReasoning(tenant.client, {
      reasoning: { observations: ['a\0b', '\ud800'], conclusion: 'x', alternativesConsidered: [{ 'k\0': '\udc00' }] },
    })
    expect(stored).toMatchObject({ observations: ['a\ufffdb', '\ufffd'], alternatives: [{ 'k\ufffd': '\ufffd' }] })
  })
})

describe('records are listed', () => {
  test('the newest first, in pages, and by each condition of a filter', async () => {
    const { client } = await makeTenant(app)
    const traceId = freshId()
    const ids: string[] = []
    for (let index = 0; index < 7; index++) {
      const more = {
        decision: { type: index % 2 === 0 ? ('PLAN' as const) : ('OTHER' as const), summary: `No. ${index}` },
        agent: index < 3 ? 'one' : 'two',
        sessionId: `session ${index % 3}`,
        tags: index === 4 ? ['red', 'blue'] : ['blue'],
        ...(index > 4 && { traceId }),
      }
      ids.unshift((await storeReasoning(client, more)).id)
    }
    const all: string[] = []
    let after: string | null = null
    do {
      const answer: ReasoningTracesQuery = await client.ask(ReasoningTracesDocument, { first: 3, after })
      const { reasoningTraces } = answer
      expect(reasoningTraces.totalCount).toBe(7)
      all.push(...reasoningTraces.nodes.map(({ id }) => id))
      after = reasoningTraces.pageInfo.hasNextPage ? (reasoningTraces.pageInfo.endCursor ?? null) : null
    } while (after !== null)
    expect(all).toEqual(ids)

    const newest = (await findReasoning(client, ids[0] as string))?.createdAt
    const filters: [ReasoningFilter, unknown][] = [
      [{ agent: 'one' }, ids.slice(4)],
      [{ sessionId: 'session 0' }, [ids[0], ids[3], ids[6]]],
      [{ tag: 'red' }, [ids[2]]],
      [{ tag: 'blue', agent: 'two' }, ids.slice(0, 4)],
      [{ decisionType: ['PLAN'], agent: 'one' }, [ids[4], ids[6]]],
      [{ decisionType: [] }, []],
      [{ traceId }, ids.slice(0, 2)],
      [{ createdAt: { lt: newest } }, expect.not.arrayContaining([ids[0]])],
      [{ createdAt: { gte: newest } }, expect.arrayContaining([ids[0]])],
      [{ agent: 'nobody' }, []],
    ]
    for (const [filter, wanted] of filters) {
      const { reasoningTraces } = await client.ask(ReasoningTracesDocument, { filter })
      const found = reasoningTraces.nodes.map(({ id }) => id)
      expect({ filter, found }).toEqual({ filter, found: wanted })
      expect(reasoningTraces.totalCount).toBe(found.length)
    }
    const cursorOf = (parts: unknown) => Buffer.from(JSON.stringify(parts)).toString('base64url')
    for (const broken of ['nonsense', ...[99_999_999_999, 2_147_483_648, 0, -1, 1.5].map((n) => cursorOf([n]))]) {
      const { extensions } = await client.refusal(ReasoningTracesDocument, { after: broken })
      expect({ broken, ...extensions }).toMatchObject({ code: 'INVALID_INPUT', field: 'after' })
    }
  })

  test('beside the trace that they explain, which may come later, and go', async () => {
    const { client } = await makeTenant(app)
    const traceId = freshId()
    const ids = [
      await storeReasoning(client, { traceId, decision: { type: 'PLAN', summary: 'first' } }),
      await storeReasoning(client, { traceId, spanId: 's', decision: { type: 'PLAN', summary: 'then' } }),
    ].map(({ id }) => id)
    const [planned] = ids as [string, string]
    expect(await findReasoning(client, planned)).toMatchObject({ trace: null })
    await ingest(client, { id: traceId })
    expect(await findReasoning(client, planned)).toMatchObject({ trace: { id: traceId } })
    const { trace } = await client.ask(TraceReasoningDocument, { id: traceId, first: 1 })
    expect(trace?.reasoning).toMatchObject({
      totalCount: 2,
      nodes: [{ id: ids[1], summary: 'then', spanId: 's' }],
      pageInfo: { hasNextPage: true },
    })
    const after = trace?.reasoning.pageInfo.endCursor ?? null
    const rest = await client.ask(TraceReasoningDocument, { id: traceId, first: 1, after })
    expect(rest.trace?.reasoning).toMatchObject({ nodes: [{ id: planned }], pageInfo: { hasNextPage: false } })

    await client.ask(DeleteTracesDocument, { ids: [traceId] })
    expect(await findReasoning(client, planned)).toMatchObject({ summary: 'first', trace: null })
  })
})

describe('a chain', () => {
  test('is its root and all that came of it, depth first and in the order of time, from whichever record', async () => {
    const { client } = await makeTenant(app)
    const store = async (parentId?: string) => (await storeReasoning(client, parentId ? { parentId } : {})).id
    const root = await store()
    const [a, b] = [await store(root), await store(root)]
    const [ba, aa] = [await store(b), await store(a)]
    const aaa = await store(aa)
    const c = await store(root)
    const ab = await store(a)
    await store()
    for (const id of [root, b, aaa, c]) {
      const { reasoningChain } = await client.ask(ReasoningChainDocument, { id })
      expect(reasoningChain?.parent.id).toBe(root)
      expect(reasoningChain?.children.map(({ id }) => id)).toEqual([a, aa, aaa, ab, b, ba, c])
      expect(reasoningChain?.depth).toBe(3)
    }
    const { reasoningTrace } = await client.ask(ReasoningChildrenDocument, { id: root, first: 2 })
    expect(reasoningTrace?.children).toMatchObject({
      totalCount: 3,
      nodes: [
        { id: c, children: { nodes: [] } },
        { id: b, children: { nodes: [{ id: ba }] } },
      ],
      pageInfo: { hasNextPage: true },
    })
    expect((await client.ask(ReasoningChainDocument, { id: 'nobody' })).reasoningChain).toBeNull()
  })

  test('begins where its parent is deleted; what came of it stays', async () => {
    const { client } = await makeTenant(app)
    const [root, middle, leaf] = (await storeChain(client, 3)) as [string, string, string]
    expect(await client.ask(DeleteReasoningDocument, { id: middle })).toEqual({ deleteReasoning: true })
    expect((await client.ask(ReasoningChainDocument, { id: leaf })).reasoningChain).toEqual({
      parent: { id: leaf },
      children: [],
      depth: 0,
    })
    expect((await client.ask(ReasoningChainDocument, { id: root })).reasoningChain).toMatchObject({ children: [] })
    const { extensions } = await client.refusal(StoreReasoningDocument, { input: reasoning({ parentId: middle }) })
    expect(extensions).toMatchObject({ code: 'NOT_FOUND', field: 'input.parentId' })
  })
})

describe('what is deleted', () => {
  test('is gone from everywhere, and its id is not given again', async () => {
    const { client } = await makeTenant(app)
    const input = reasoning({ id: freshId('tr'), tags: ['gone'], agent: 'gone' })
    await client.ask(StoreReasoningDocument, { input })
    await client.ask(DeleteReasoningDocument, { id: input.id as string })
    expect(await findReasoning(client, input.id as string)).toBeNull()
    for (const filter of [{}, { tag: 'gone' }, { agent: 'gone' }]) {
      expect((await client.ask(ReasoningTracesDocument, { filter })).reasoningTraces.nodes).toEqual([])
    }
    const again = await client.refusal(DeleteReasoningDocument, { id: input.id as string })
    expect(again.extensions).toMatchObject({ code: 'NOT_FOUND', field: 'id' })
    const { extensions, message } = await client.refusal(StoreReasoningDocument, { input })
    expect(extensions).toMatchObject({ code: 'CONFLICT', field: 'input.id' })
    expect(message).toContain('deleted')
  })
})
