import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeSpan, someSpans } from '../../test/harness/spans.ts'
import type { Span } from './span.ts'
import { buildSpanTree, type SpanNode } from './span-tree.ts'
import { drawSpanTree } from './span-tree-json.ts'

/** As an object, level by level. */
function drawnByDefinition(node: SpanNode, levels: number): object {
  const { traceId, tree, parent, children, depth, ...fields } = node
  const below = levels > 1 ? children.map((child) => drawnByDefinition(child, levels - 1)) : []
  return { ...fields, depth, children: below }
}

function chain(length: number): Span[] {
  return Array.from({ length }, (_, index) =>
    makeSpan({ id: `${index}`, parentId: index === 0 ? null : `${index - 1}` }),
  )
}

describe('the tree as one value', () => {
  test('is what JSON.stringify makes of it, cut anywhere', () => {
    const cuts = fc.record({ maxDepth: fc.option(fc.integer({ min: 1, max: 5 })), place: fc.option(fc.nat()) })
    fc.assert(
      fc.property(someSpans, cuts, (spans, { maxDepth, place }) => {
        const tree = buildSpanTree(spans)
        const root = place === null ? undefined : spans[place % Math.max(1, spans.length)]
        const roots = root ? [root as SpanNode] : tree.roots
        const expected = roots.map((node) => drawnByDefinition(node, maxDepth ?? 100))
        const { text } = drawSpanTree(tree, { rootSpanId: root?.id, maxDepth })
        // Its keys stand in another order.
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(expected)))
      }),
    )
  })

  test('has the fields of a span and nothing else', () => {
    const { text } = drawSpanTree(buildSpanTree([makeSpan({ id: 'a', parentId: 'b' })]), {})
    expect(text).toBe(
      '[{"id":"a","parentId":"b","kind":"OTHER","name":"a","status":"RUNNING","errorMessage":null,' +
        '"startedAt":"2026-11-21T00:00:00.000Z","endedAt":null,"durationMs":null,"model":null,"provider":null,' +
        '"inputTokens":null,"outputTokens":null,"totalTokens":null,"cachedInputTokens":null,"reasoningTokens":null,' +
        '"cost":null,"costSource":"UNPRICED","depth":0,"children":[]}]',
    )
  })

  test('is as deep as its spans are', () => {
    const { text } = drawSpanTree(buildSpanTree(chain(10_000)), {})
    expect(text.match(/"children":\[/g)).toHaveLength(10_000)
    expect(text.endsWith(`"depth":9999,"children":[${']}'.repeat(10_000)}]`)).toBe(true)
  })

  test('begins at a span, whose depth stays what it is, and ends after some levels', () => {
    const tree = buildSpanTree(chain(5))
    const drawn = JSON.parse(drawSpanTree(tree, { rootSpanId: '2', maxDepth: 2 }).text)
    expect(drawn).toMatchObject([{ id: '2', depth: 2, children: [{ id: '3', depth: 3, children: [] }] }])
    expect(drawSpanTree(tree, { rootSpanId: 'nobody' }).text).toBe('[]')
    expect(drawSpanTree(buildSpanTree([]), {}).text).toBe('[]')
  })

  test('finds a span by an id that had to be cleaned', () => {
    const tree = buildSpanTree([makeSpan({ id: 'a\uFFFD' })])
    for (const id of ['a\uFFFD', 'a\0', 'a\uD800'] as const) {
      expect(JSON.parse(drawSpanTree(tree, { rootSpanId: id }).text)).toHaveLength(1)
    }
  })

  test.each([0, -1])('of %s levels is refused', (maxDepth) => {
    const refused = expect.objectContaining({ code: 'INVALID_INPUT', details: { field: 'maxDepth' } })
    expect(() => drawSpanTree(buildSpanTree([]), { maxDepth })).toThrow(refused)
  })
})
