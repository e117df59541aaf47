import { builder } from '../graphql/builder.ts'
import { TraceFilterInput } from './trace-filter.schema.ts'
import type { Percentiles, StatsGroup, StatsInterval, TraceStatsBucket } from './trace-stats.ts'

/** What fields of the same meaning say of it, here and in AgentStats. */
export const sumDescriptions = {
  failed: 'How many failed: their success is false, or unknown and their status FAILED or TIMED_OUT.',
  cost: 'In USD, exact, of those whose cost is known; "0" where it is of none.',
  unpricedTraces: 'How many have no known cost: the sum is short of theirs.',
  inputTokens: 'Tokens read, as far as known.',
  outputTokens: 'Tokens written, as far as known.',
  durationMs: 'How long they took.',
}

export const PercentilesRef = builder.objectRef<Percentiles>('Percentiles').implement({
  description: 'How long traces took, in milliseconds, over those whose duration is known. Null where it is of none.',
  fields: (t) => ({
    p50: t.exposeFloat('p50', { nullable: true, description: 'The median: half took no longer.' }),
    p95: t.exposeFloat('p95', { nullable: true, description: '95 of 100 took no longer.' }),
    p99: t.exposeFloat('p99', { nullable: true, description: '99 of 100 took no longer.' }),
    avg: t.exposeFloat('avg', { nullable: true, description: 'The mean.' }),
    max: t.exposeFloat('max', { nullable: true, description: 'The longest.' }),
  }),
})

const StatsIntervalRef = builder.enumType('StatsInterval', {
  description: 'How long a bucket of statistics is.',
  values: {
    MINUTE: { description: 'A minute.' },
    HOUR: { description: 'An hour.' },
    DAY: { description: 'A day, from midnight to midnight in UTC.' },
  } satisfies Record<StatsInterval, object>,
})

const StatsGroupRef = builder.enumType('StatsGroup', {
  description: 'What traces are told apart by within a bucket of time.',
  values: {
    NONE: { description: 'Nothing: group is null.' },
    AGENT: { description: "The agent's name." },
    MODEL: { description: 'The model.' },
    PROMPT: { description: "The prompt's name." },
    STATUS: { description: 'The status.' },
  } satisfies Record<StatsGroup, object>,
})

const TraceStatsBucketRef = builder.objectRef<TraceStatsBucket>('TraceStatsBucket').implement({
  description: 'Sums over the traces that began within a bucket of time, of one group.',
  fields: (t) => ({
    start: t.expose('start', { type: 'DateTime', description: 'When the bucket begins.' }),
    group: t.exposeString('group', {
      nullable: true,
      description: 'What its traces have in common; null for those without, and where nothing is told apart.',
    }),
    traces: t.exposeInt('traces', { description: 'How many there are; never 0.' }),
    failed: t.exposeInt('failed', { description: sumDescriptions.failed }),
    cost: t.expose('cost', { type: 'Decimal', description: sumDescriptions.cost }),
    unpricedTraces: t.exposeInt('unpricedTraces', { description: sumDescriptions.unpricedTraces }),
    inputTokens: t.exposeInt('inputTokens', { description: sumDescriptions.inputTokens }),
    outputTokens: t.exposeInt('outputTokens', { description: sumDescriptions.outputTokens }),
    durationMs: t.expose('durationMs', { type: PercentilesRef, description: sumDescriptions.durationMs }),
  }),
})

builder.queryField('traceStats', (t) =>
  t.field({
    type: [TraceStatsBucketRef],
    // Each sums up thousands of traces: a document may ask for some charts, not for fifty.
    extensions: { listSize: 100 },
    description:
      'Sums over traces by when they began, oldest first: the buckets that hold any, 5,000 at most. ' +
      'Needs the scope READ.',
    args: {
      filter: t.arg({ type: TraceFilterInput, description: 'Only over these traces.' }),
      interval: t.arg({ type: StatsIntervalRef, required: true, description: 'How long a bucket is.' }),
      groupBy: t.arg({ type: StatsGroupRef, description: 'What to tell apart in each bucket; left out: nothing.' }),
    },
    resolve: (_, args, { services, viewer }) => services.traceStats.listTraceStats(viewer, args),
  }),
)
