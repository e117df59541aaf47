import { builder } from '../graphql/builder.ts'
import type { Loaders } from '../graphql/context.ts'
import { SpanRef } from './span.schema.ts'
import type { Span } from './span.ts'
import type { SpanRollup } from './span-rollup.ts'
import { isNode, nodeOf, type SpanNode } from './span-tree.ts'
import { drawSpanTree } from './span-tree-json.ts'
import { TraceRef } from './trace.schema.ts'

const SpanRollupRef = builder.objectRef<SpanRollup>('SpanRollup').implement({
  description:
    'What a span and all below it come to. Tokens and cost are those of LLM and EMBEDDING spans, and what is not ' +
    'known counts as nothing.',
  fields: (t) => ({
    spans: t.exposeInt('spans', { description: 'How many spans: 1 and all below.' }),
    errors: t.exposeInt('errors', { description: 'How many of them failed or timed out.' }),
    inputTokens: t.exposeInt('inputTokens', { description: 'Tokens read, cached ones included.' }),
    outputTokens: t.exposeInt('outputTokens', { description: 'Tokens written, reasoning included.' }),
    totalTokens: t.exposeInt('totalTokens', { description: 'Tokens read and written.' }),
    cost: t.expose('cost', { type: 'Decimal', description: 'In USD, of those whose cost is known.' }),
  }),
})

// Its place among the others. Below `rootSpans` a span knows it; in a flat list the trace is read for it, once.
builder.objectFields(SpanRef, (t) => ({
  parent: t.field({
    type: SpanRef,
    nullable: true,
    description: 'The span it is shown below. Null at the root, and where no span has the parentId.',
    resolve: (span, _, { loaders }) => inTree(span, loaders, ({ parent }) => parent),
  }),
  children: t.field({
    type: [SpanRef],
    description: 'The spans it is shown above: what started first, first.',
    // All levels together are as many as the trace has spans, however deep a document follows them.
    extensions: { listSize: 1 },
    resolve: (span, _, { loaders }) => inTree(span, loaders, ({ children }) => children),
  }),
  depth: t.int({
    description: 'How many spans stand above it: 0 at the root.',
    resolve: (span, _, { loaders }) => inTree(span, loaders, ({ depth }) => depth),
  }),
  subtree: t.field({
    type: SpanRollupRef,
    description: 'What it and all below it come to.',
    resolve: (span, _, { loaders }) => inTree(span, loaders, (node) => node.tree.rollupOf(node)),
  }),
}))

/** Without a promise where the span is part of a tree already: below `rootSpans` there are thousands of them. */
function inTree<Value>(span: Span, loaders: Loaders, read: (node: SpanNode) => Value): Value | Promise<Value> {
  return isNode(span)
    ? read(span)
    : loaders.spanTreeByTraceId.load(span.traceId).then((tree) => read(nodeOf(tree, span)))
}

builder.objectFields(TraceRef, (t) => ({
  rootSpans: t.field({
    type: [SpanRef],
    description:
      'The spans at the root of its tree; `children` leads on from them. Those without a parent, those whose parent ' +
      "hasn't come (yet), and of spans that are each other's parents the one that started first.",
    resolve: async ({ id }, _, { loaders }) => (await loaders.spanTreeByTraceId.load(id)).roots,
  }),
  spanTree: t.field({
    type: 'JSON',
    description:
      'The whole hierarchy as one value, however deep it is: a list of the spans that `rootSpans` has, each an object ' +
      'with the fields of Span but its wide values, its depth, and its children in turn.',
    args: {
      rootSpanId: t.arg.id({ description: 'Only this span and what is below it; an empty list where there is none.' }),
      maxDepth: t.arg.int({ description: 'Only so many levels: 1 is without children. Left out: all.' }),
    },
    resolve: async ({ id }, cut, { loaders }) => drawSpanTree(await loaders.spanTreeByTraceId.load(id), cut),
  }),
}))
