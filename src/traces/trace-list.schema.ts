import { builder } from '../graphql/builder.ts'
import { connectionOf, pageArgs } from '../graphql/connection.ts'
import { describedValues } from '../graphql/described-values.ts'
import { TraceRef } from './trace.schema.ts'
import { TraceFilterInput } from './trace-filter.schema.ts'
import type { SortDirection, TraceOrderField } from './trace-order.ts'

export const TraceConnectionRef = connectionOf(TraceRef, { many: 'traces' })

const fieldDescriptions: Record<TraceOrderField, string> = {
  STARTED_AT: 'By when it began.',
  DURATION: 'By how long it took.',
  COST: 'By what it cost.',
  TOTAL_TOKENS: 'By how many tokens it took.',
}

const TraceOrderFieldRef = builder.enumType('TraceOrderField', {
  description: 'What traces are sorted by. Those of which it is unknown stand last, in either direction.',
  values: describedValues(fieldDescriptions),
})

const directionDescriptions: Record<SortDirection, string> = {
  ASC: 'The earliest, shortest or cheapest first.',
  DESC: 'The latest, longest or dearest first.',
}

const SortDirectionRef = builder.enumType('SortDirection', {
  description: 'Which end comes first.',
  values: describedValues(directionDescriptions),
})

export const TraceOrderInput = builder.inputType('TraceOrder', {
  description: 'How traces are sorted; equal ones by their ids.',
  fields: (t) => ({
    field: t.field({ type: TraceOrderFieldRef, required: true, description: 'By what.' }),
    direction: t.field({ type: SortDirectionRef, required: true, description: 'Which end comes first.' }),
  }),
})

builder.queryField('traces', (t) =>
  t.field({
    type: TraceConnectionRef,
    description:
      'The traces that match, newest first unless asked otherwise. A page costs the same at any depth, and stays right ' +
      'while traces come and go. Needs the scope READ.',
    args: {
      filter: t.arg({ type: TraceFilterInput, description: 'Which; left out: all.' }),
      orderBy: t.arg({ type: TraceOrderInput, description: 'In which order; left out: newest first.' }),
      ...pageArgs,
    },
    resolve: (_, query, { services, viewer }) => services.traces.listTraces(viewer, query),
  }),
)
