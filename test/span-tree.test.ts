import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SpanSubtreesDocument, SpanTreeDocument } from './generated/documents.ts'
import { ingest, llmSpan } from './harness/ingest.ts'
import {
  askRootSpans,
  drawSpans,
  narrowSpanFields,
  nestedSelection,
  outline,
  plainSpan,
  sendSpans,
} from './harness/span-trees.ts'
import { naming, recordStatements } from './harness/statements.ts'
import { makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'

let app: TestApp
let tenant: TestTenant

beforeAll(async () => {
  app = await startTestApp()
  tenant = await makeTenant(app)
})
afterAll(() => app.close())

const later = { startedAt: '2026-11-20T10:00:01.000Z' }

describe('the tree of a trace', () => {
  test('is the same typed and as one value, to the last field', async () => {
    const id = await sendSpans(tenant.client, [
      plainSpan('root', null, { kind: 'AGENT', endedAt: '2026-11-20T10:00:05.250Z' }),
      llmSpan('llm', { parentId: 'root', cachedInputTokens: 10, reasoningTokens: 5, attributes: { a: 1 } }),
      llmSpan('reported', { parentId: 'llm', cost: '0.004500', totalTokens: 7, durationMs: 0.25 }),
      llmSpan('unpriced', { parentId: 'llm', model: 'nobody knows it' }),
      plainSpan('failed', 'root', { errorMessage: 'it "said"\n\\ 🙂\u2028', kind: 'TOOL' }),
      plainSpan('late', 'failed', { status: 'TIMED_OUT', endedAt: '2026-11-20T09:00:00.000Z' }),
      { id: 'untimed', name: '' },
    ])
    const tree = await drawSpans(tenant.client, id)
    expect(outline(tree)).toBe('root(failed(late) llm(reported unpriced)) untimed')
    expect(await askRootSpans(tenant.client, id, nestedSelection(3))).toEqual(tree)
    expect(tree[0]).toMatchObject({ kind: 'AGENT', durationMs: 5_250, parentId: null, depth: 0, status: 'COMPLETED' })
  })

  test("shows orphans, and spans that are their own or each other's parents, at the root", async () => {
    const id = await sendSpans(tenant.client, [
      plainSpan('orphan', 'to come'),
      plainSpan('self', 'self'),
      plainSpan('b', 'a', later),
      plainSpan('a', 'c', later),
      plainSpan('c', 'b'),
      plainSpan('below', 'a', later),
    ])
    const tree = await drawSpans(tenant.client, id)
    expect(outline(tree)).toBe('c(a(b below)) orphan self')
    expect(await askRootSpans(tenant.client, id, nestedSelection(4))).toEqual(tree)
    await ingest(tenant.client, { id, spans: [plainSpan('to come', null, later)] })
    expect(outline(await drawSpans(tenant.client, id))).toBe('c(a(b below)) self to come(orphan)')
    const [orphan] = await drawSpans(tenant.client, id, { rootSpanId: 'orphan' })
    expect(orphan).toMatchObject({ parentId: 'to come', depth: 1 })
  })

  test('tells each span what stands above it and what all below it come to', async () => {
    const id = await sendSpans(tenant.client, [
      plainSpan('root', null, { kind: 'AGENT', inputTokens: 9_999, cost: '9' }),
      llmSpan('one', { parentId: 'root', cost: '0.1' }),
      llmSpan('two', { parentId: 'one', cost: '0.2', status: 'FAILED' }),
    ])
    const selection = nestedSelection(3, 'id parent { id parent { id } } subtree { spans errors inputTokens cost }')
    const subtree = { spans: 3, errors: 1, inputTokens: 2_000, cost: '0.3' }
    const below = { spans: 2, errors: 1, inputTokens: 2_000, cost: '0.3' }
    expect(await askRootSpans(tenant.client, id, selection)).toMatchObject([
      {
        id: 'root',
        parent: null,
        subtree,
        children: [
          { id: 'one', parent: { id: 'root', parent: null }, subtree: below, children: [{ parent: { id: 'one' } }] },
        ],
      },
    ])
    // A flat list reads the tree for it.
    const { trace } = await tenant.client.ask(SpanSubtreesDocument, { id })
    const flat = trace?.spans.nodes.map((span) => [span.id, span.depth, span.parent?.id, span.subtree.spans])
    expect(flat).toEqual([
      ['one', 1, 'root', 2],
      ['root', 0, undefined, 3],
      ['two', 2, 'one', 1],
    ])
    expect(trace?.spans.nodes[1]?.children).toEqual([{ id: 'one' }])
  })

  test('is cut where a client says: at a span, after so many levels', async () => {
    const id = await sendSpans(tenant.client, [
      plainSpan('a', null),
      plainSpan('b', 'a'),
      plainSpan('c', 'b'),
      plainSpan('d', null),
    ])
    expect(outline(await drawSpans(tenant.client, id, { maxDepth: 1 }))).toBe('a d')
    expect(outline(await drawSpans(tenant.client, id, { maxDepth: 2 }))).toBe('a(b) d')
    expect(outline(await drawSpans(tenant.client, id, { rootSpanId: 'b' }))).toBe('b(c)')
    expect(await drawSpans(tenant.client, id, { rootSpanId: 'b', maxDepth: 1 })).toMatchObject([
      { id: 'b', depth: 1, children: [] },
    ])
    for (const rootSpanId of ['nobody', '', '\0', '\ud800'])
      expect(await drawSpans(tenant.client, id, { rootSpanId })).toEqual([])
    for (const maxDepth of [0, -1, -2_147_483_648]) {
      const { extensions } = await tenant.client.refusal(SpanTreeDocument, { id, maxDepth })
      expect(extensions).toMatchObject({ code: 'INVALID_INPUT', field: 'maxDepth' })
    }
  })

  test('of a trace without spans is empty', async () => {
    const { traceIds } = await ingest(tenant.client, { name: 'no spans yet' })
    const [id = ''] = traceIds
    expect(await drawSpans(tenant.client, id)).toEqual([])
    expect(await askRootSpans(tenant.client, id, 'id')).toEqual([])
  })

  test('may be followed through 25 levels with all its fields', async () => {
    const id = await sendSpans(tenant.client, chain(25))
    const roots = await askRootSpans(tenant.client, id, nestedSelection(25))
    expect(roots).toEqual(await drawSpans(tenant.client, id))
  })

  test('of a chain of 10,000 spans is drawn to its end', async () => {
    const id = await sendSpans(tenant.client, chain(10_000))
    let [node] = await drawSpans(tenant.client, id)
    for (let depth = 0; depth < 9_999; depth++) {
      expect(node?.depth === depth && node.children.length === 1).toBe(true)
      node = node?.children[0]
    }
    expect(node).toMatchObject({ id: 's9999', depth: 9_999, children: [] })
    const [root] = await askRootSpans(tenant.client, id, 'id subtree { spans }')
    expect(root).toEqual({ id: 's0', subtree: { spans: 10_000 } })
  })
})

function chain(length: number) {
  return Array.from({ length }, (_, index) => plainSpan(`s${index}`, index === 0 ? null : `s${index - 1}`))
}

describe('reading a tree', () => {
  test('takes one statement, for however many traces, and touches no wide value', async () => {
    const spans = [plainSpan('a', null, { input: 'wide' }), plainSpan('b', 'a'), plainSpan('c', 'b')]
    const [one, other] = [await sendSpans(tenant.client, spans), await sendSpans(tenant.client, spans)]
    const fields = `${narrowSpanFields} parent { id } subtree { cost } trace { id }`
    const selection = `rootSpans { ${nestedSelection(3, fields)} } spanTree`
    const { result, texts } = await recordStatements(() =>
      tenant.client.ask(`{ one: trace(id: "${one}") { ${selection} } other: trace(id: "${other}") { ${selection} } }`),
    )
    expect(Object.keys(result as object)).toEqual(['one', 'other'])
    expect(naming('spans', texts)).toHaveLength(1)
    // The traces, and how many spans they have together.
    expect(naming('traces', texts)).toHaveLength(2)
    expect(naming('span_contents', texts)).toEqual([])
  })
})
