import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeSpan, someSpans } from '../../test/harness/spans.ts'
import type { Span } from './span.ts'
import { buildSpanTree, isNode, nodeOf, type SpanNode, type SpanTree } from './span-tree.ts'

/** Every span with what it is shown below, and its depth, as a walk from the roots finds them. */
function shownBy(tree: SpanTree): string[] {
  const shown: string[] = []
  const due = tree.roots.toReversed()
  for (let node = due.pop(); node; node = due.pop()) {
    shown.push(`${node.depth} ${JSON.stringify(node.id)} below ${JSON.stringify(node.parent?.id ?? null)}`)
    expect(node.children.every(({ parent }) => parent === node)).toBe(true)
    due.push(...node.children.toReversed())
  }
  return shown
}

function copies(spans: readonly Span[]): Span[] {
  return spans.map((span) => ({ ...span }))
}

/** The rules, each span by itself and as slowly as it takes. */
function shownByDefinition(spans: readonly Span[]): string[] {
  const sorted = spans.toSorted((one, other) => earlier(one, other))
  const given = (span: Span) => sorted.find(({ id }) => id === span.parentId)
  function cycleOf(span: Span): Span[] | null {
    const cycle: Span[] = [span]
    for (let above = given(span); above && cycle.length <= sorted.length; above = given(above)) {
      if (above === span) return cycle
      cycle.push(above)
    }
    return null
  }
  function parentOf(span: Span): Span | undefined {
    const cycle = cycleOf(span)
    return cycle?.every((each) => earlier(span, each) <= 0) ? undefined : given(span)
  }
  function below(parent: Span | undefined, depth: number): string[] {
    return sorted
      .filter((span) => parentOf(span) === parent)
      .flatMap((span) => [
        `${depth} ${JSON.stringify(span.id)} below ${JSON.stringify(parent?.id ?? null)}`,
        ...below(span, depth + 1),
      ])
  }
  return below(undefined, 0)
}

function earlier(one: Span, other: Span): number {
  const bytes = Buffer.compare(Buffer.from(one.id), Buffer.from(other.id))
  return one.startedAt.getTime() - other.startedAt.getTime() || bytes
}

describe('the tree of spans', () => {
  test('is that of its definition, whoever is whose parent, and in whatever order they came', () => {
    fc.assert(
      fc.property(
        someSpans.chain((spans) =>
          fc.tuple(fc.constant(spans), fc.shuffledSubarray(spans, { minLength: spans.length })),
        ),
        ([spans, shuffled]) => {
          const shown = shownBy(buildSpanTree(copies(spans)))
          expect(shown).toEqual(shownByDefinition(spans))
          expect(shown).toHaveLength(spans.length)
          expect(shownBy(buildSpanTree(copies(shuffled)))).toEqual(shown)
        },
      ),
      { numRuns: 1_000 },
    )
  })

  test('shows an orphan at the root, and keeps what the client said of it', () => {
    const tree = buildSpanTree([makeSpan({ id: 'orphan', parentId: 'to come' }), makeSpan({ id: 'a' })])
    expect(shownBy(tree)).toEqual(['0 "a" below null', '0 "orphan" below null'])
    expect(tree.findNode('orphan')).toMatchObject({ parentId: 'to come', parent: null })
  })

  test('cuts a cycle at the span that started first, and what hangs below it hangs there still', () => {
    const at = (ms: number) => ({ startedAt: new Date(ms) })
    const spans = [
      makeSpan({ id: 'early, below', parentId: 'c', ...at(0) }),
      makeSpan({ id: 'c', parentId: 'b', ...at(3) }),
      makeSpan({ id: 'b', parentId: 'a', ...at(1) }),
      makeSpan({ id: 'a', parentId: 'c', ...at(2) }),
      makeSpan({ id: 'itself', parentId: 'itself', ...at(4) }),
      makeSpan({ id: 'below itself', parentId: 'itself', ...at(4) }),
    ]
    expect(shownBy(buildSpanTree(spans))).toEqual([
      '0 "b" below null',
      '1 "c" below "b"',
      '2 "early, below" below "c"',
      '2 "a" below "c"',
      '0 "itself" below null',
      '1 "below itself" below "itself"',
    ])
  })

  test('of a chain of 10,000 and of 30,000 spans in one cycle is there at once', () => {
    const chain = (length: number, first: string | null) =>
      Array.from({ length }, (_, index) => makeSpan({ id: `${index}`, parentId: index === 0 ? first : `${index - 1}` }))
    const tree = buildSpanTree(chain(10_000, null).reverse())
    expect(tree.roots.map(({ id }) => id)).toEqual(['0'])
    expect(tree.findNode('9999')?.depth).toBe(9_999)
    expect(tree.rollupOf(tree.roots[0] as SpanNode).spans).toBe(10_000)
    const cycle = buildSpanTree(chain(30_000, '29999'))
    expect(cycle.roots.map(({ id }) => id)).toEqual(['0'])
    expect(cycle.rollupOf(cycle.roots[0] as SpanNode).spans).toBe(30_000)
  })

  test('knows its nodes, and a span that is gone stands alone', () => {
    const span = makeSpan({ id: 'a', parentId: 'b' })
    expect(isNode(span)).toBe(false)
    const tree = buildSpanTree([{ ...span }, makeSpan({ id: 'b' })])
    expect(tree.roots.every(isNode)).toBe(true)
    expect(nodeOf(tree, span)).toMatchObject({ depth: 1, parent: { id: 'b' } })
    const gone = nodeOf(buildSpanTree([]), span)
    expect(gone).toMatchObject({ ...span, depth: 0, parent: null, children: [] })
    expect(gone.tree.rollupOf(gone)).toMatchObject({ spans: 1 })
    expect(isNode(span)).toBe(false)
  })
})
