import { builder } from '../graphql/builder.ts'
import { SpanRef } from './span.schema.ts'
import type { SpanEvent } from './span-event.ts'

const SpanEventRef = builder.objectRef<SpanEvent>('SpanEvent').implement({
  description: 'A span was created or changed, or was deleted with its trace.',
  fields: (t) => ({
    cursor: t.exposeString('cursor', {
      description: 'Its place in the feed: subscribe again with it as `after`, and what follows comes exactly once.',
    }),
    spanId: t.exposeID('spanId', { description: 'Which span.' }),
    span: t.field({
      type: SpanRef,
      nullable: true,
      description: 'The span as it is when the event is told, which may be later than the change. Null: it is gone.',
      resolve: ({ traceId, spanId, isGone }, _, { loaders }) =>
        isGone ? null : loaders.spanById.load({ traceId, spanId }),
    }),
  }),
})

builder.subscriptionField('spanEvents', (t) =>
  t.field({
    type: SpanEventRef,
    description:
      'What happens to the spans of a trace, which may not be there yet. In order, each event once, and none is missed ' +
      'by who comes back with `after`. Needs the scope READ.',
    args: {
      traceId: t.arg.id({ required: true, description: "The trace's id." }),
      after: t.arg.string({
        description:
          'The cursor of the last event that was seen, or of an IngestReceipt: what has happened since comes first. ' +
          'Left out: from now on. CURSOR_EXPIRED where the feed keeps it no longer.',
      }),
    },
    subscribe: (_, { traceId, after }, { services, viewer }) => services.spanEvents.watchSpans(viewer, traceId, after),
    resolve: (event) => event,
  }),
)
