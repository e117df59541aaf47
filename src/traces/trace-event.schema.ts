import { builder } from '../graphql/builder.ts'
import { describedValues } from '../graphql/described-values.ts'
import { TraceRef } from './trace.schema.ts'
import type { TraceEvent, TraceEventKind } from './trace-event.ts'
import { TraceFilterInput } from './trace-filter.schema.ts'

const kindDescriptions: Record<TraceEventKind, string> = {
  CREATED: 'It was heard of for the first time.',
  UPDATED: 'It, or a span of it, is otherwise than before.',
  FINISHED: 'It runs no longer: its status became COMPLETED, TIMED_OUT or FAILED. Comes beside CREATED or UPDATED.',
  DELETED: 'It was removed, with all that belongs to it.',
}

const TraceEventKindRef = builder.enumType('TraceEventKind', {
  description: 'What happened to a trace.',
  values: describedValues(kindDescriptions),
})

const TraceEventRef = builder.objectRef<TraceEvent>('TraceEvent').implement({
  description: 'Something happened to a trace.',
  fields: (t) => ({
    cursor: t.exposeString('cursor', {
      description: 'Its place in the feed: subscribe again with it as `after`, and what follows comes exactly once.',
    }),
    kind: t.expose('kind', { type: TraceEventKindRef, description: 'What happened.' }),
    traceId: t.exposeID('traceId', { description: 'To which trace.' }),
    matches: t.exposeBoolean('matches', {
      description:
        'Whether it meets the filter now. False: it did before this change, and no longer belongs into a view of the ' +
        'filter.',
    }),
    trace: t.field({
      type: TraceRef,
      nullable: true,
      description: 'The trace as it is when the event is told, which may be later than the change. Null: it is gone.',
      resolve: ({ trace, traceId }, _, { loaders }) => (trace === undefined ? loaders.traceById.load(traceId) : trace),
    }),
  }),
})

builder.queryField('feedCursor', (t) =>
  t.string({
    description:
      'The moment of now, as a cursor for `after` of a subscription. To show a list and keep it true: ask for this, then ' +
      'for the list, then subscribe with it; nothing falls in between. Needs the scope READ.',
    resolve: (_, __, { services, viewer }) => services.traceEvents.findCursor(viewer),
  }),
)

builder.subscriptionField('traceEvents', (t) =>
  t.field({
    type: TraceEventRef,
    description:
      'What happens to the traces that match: whenever one is created, changes, finishes, is deleted, begins or ceases ' +
      'to match. In order, each event once, and none is missed by who comes back with `after`. Needs the scope READ.',
    args: {
      filter: t.arg({ type: TraceFilterInput, description: 'Which; left out: all. The same as of the list.' }),
      after: t.arg.string({
        description:
          'The cursor of the last event that was seen, or of an IngestReceipt: what has happened since comes first. ' +
          'Left out: from now on. CURSOR_EXPIRED where the feed keeps it no longer.',
      }),
    },
    subscribe: (_, query, { services, viewer }) => services.traceEvents.watchTraces(viewer, query),
    resolve: (event) => event,
  }),
)
