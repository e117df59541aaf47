import { NotFoundError } from '../errors.ts'
import { builder } from '../graphql/builder.ts'
import { connectionOf, forwardPageArgsOf } from '../graphql/connection.ts'
import { SpanRef } from './span.schema.ts'
import { spanPages } from './span-page.ts'
import { TraceRef } from './trace.schema.ts'
import type { Trace } from './trace.ts'

const SpanConnectionRef = connectionOf(SpanRef, { many: 'spans' })

builder.objectField(TraceRef, 'spans', (t) =>
  t.field({
    type: SpanConnectionRef,
    description: 'Its spans as a flat list, what started first, first: a waterfall.',
    args: forwardPageArgsOf(spanPages),
    extensions: spanPages,
    resolve: (trace, page, { services, viewer }) => services.spans.pageSpans(viewer, trace, page),
  }),
)

builder.objectField(SpanRef, 'trace', (t) =>
  t.field({
    type: TraceRef,
    description: 'The trace that it is part of.',
    resolve: async ({ traceId }, _, { loaders }) => existing(traceId, await loaders.traceById.load(traceId)),
  }),
)

/** It may be deleted while its spans are being read. */
function existing(traceId: string, trace: Trace | null): Trace {
  if (!trace) throw new NotFoundError('trace', traceId)
  return trace
}
