import fc from 'fast-check'
import { expect, test } from 'vitest'
import { makeSpan, someSpans } from '../../test/harness/spans.ts'
import { addDecimals } from '../decimal.ts'
import { buildSpanTree, type SpanNode } from './span-tree.ts'

function withAllBelow(node: SpanNode): SpanNode[] {
  return [node, ...node.children.flatMap(withAllBelow)]
}

function rollupByDefinition(node: SpanNode) {
  const all = withAllBelow(node)
  const counted = all.filter(({ kind }) => kind === 'LLM' || kind === 'EMBEDDING')
  const sum = (field: 'inputTokens' | 'outputTokens' | 'totalTokens') =>
    counted.reduce((total, span) => total + (span[field] ?? 0), 0)
  return {
    spans: all.length,
    errors: all.filter(({ status }) => ['FAILED', 'TIMED_OUT'].includes(status)).length,
    inputTokens: sum('inputTokens'),
    outputTokens: sum('outputTokens'),
    totalTokens: sum('totalTokens'),
    cost: addDecimals(counted.flatMap(({ cost }) => (cost === null ? [] : [cost]))),
  }
}

test('a subtree comes to what all spans of it come to', () => {
  fc.assert(
    fc.property(someSpans, (spans) => {
      const tree = buildSpanTree(spans)
      for (const node of tree.roots.flatMap(withAllBelow)) {
        expect(tree.rollupOf(node)).toEqual(rollupByDefinition(node))
      }
    }),
  )
})

test('what a parent repeats of its children is not counted twice, and costs are summed up exactly', () => {
  const usage = { inputTokens: 10, outputTokens: 5, totalTokens: 15 }
  const tree = buildSpanTree([
    makeSpan({ id: 'agent', kind: 'AGENT', inputTokens: 20, totalTokens: 30, cost: '0.3' }),
    makeSpan({ id: 'one', parentId: 'agent', kind: 'LLM', ...usage, cost: '0.1' }),
    makeSpan({ id: 'other', parentId: 'agent', kind: 'EMBEDDING', ...usage, cost: '0.2', status: 'TIMED_OUT' }),
    makeSpan({ id: 'unpriced', parentId: 'other', kind: 'LLM', ...usage, status: 'FAILED' }),
  ])
  expect(tree.rollupOf(tree.roots[0] as SpanNode)).toEqual({
    spans: 4,
    errors: 2,
    inputTokens: 30,
    outputTokens: 15,
    totalTokens: 45,
    cost: '0.3',
  })
})
