import { builder } from '../graphql/builder.ts'
import { AgentRef } from './agent.schema.ts'
import { TraceFilterInput } from './trace-filter.schema.ts'
import { PercentilesRef, sumDescriptions } from './trace-stats.schema.ts'
import { type AgentStats, type ComparedAgent, errorRate, type OutcomeCount, successRate } from './trace-stats.ts'

const OutcomeCountRef = builder.objectRef<OutcomeCount>('OutcomeCount').implement({
  description: 'How often traces turned out one way.',
  fields: (t) => ({
    outcome: t.exposeString('outcome', { description: 'The outcome, as it was given or set.' }),
    count: t.exposeInt('count', { description: 'How many traces have it.' }),
  }),
})

export const AgentStatsRef = builder.objectRef<AgentStats>('AgentStats').implement({
  description: 'Sums over traces, as they stand now.',
  fields: (t) => ({
    traces: t.exposeInt('traces', { description: 'How many there are.' }),
    succeeded: t.exposeInt('succeeded', {
      description: 'How many succeeded: their success is true, or unknown and their status COMPLETED.',
    }),
    failed: t.exposeInt('failed', { description: sumDescriptions.failed }),
    successRate: t.float({
      nullable: true,
      description: 'succeeded / (succeeded + failed), from 0 to 1; null where both are 0.',
      resolve: successRate,
    }),
    errorRate: t.float({
      nullable: true,
      description: 'Those with status FAILED or TIMED_OUT among all that have ended, from 0 to 1; null where none has.',
      resolve: errorRate,
    }),
    durationMs: t.expose('durationMs', { type: PercentilesRef, description: sumDescriptions.durationMs }),
    cost: t.expose('cost', { type: 'Decimal', description: sumDescriptions.cost }),
    unpricedTraces: t.exposeInt('unpricedTraces', { description: sumDescriptions.unpricedTraces }),
    inputTokens: t.exposeInt('inputTokens', { description: sumDescriptions.inputTokens }),
    outputTokens: t.exposeInt('outputTokens', { description: sumDescriptions.outputTokens }),
    totalTokens: t.exposeInt('totalTokens', { description: 'Tokens read and written, as far as known.' }),
    outcomes: t.expose('outcomes', {
      type: [OutcomeCountRef],
      description: 'How they turned out, the most frequent outcome first; up to 50. Traces without one are left out.',
    }),
  }),
})

builder.objectField(AgentRef, 'stats', (t) =>
  t.field({
    type: AgentStatsRef,
    description: 'Sums over its traces. For a list of agents they are one query.',
    args: { filter: t.arg({ type: TraceFilterInput, description: 'Only over these of its traces.' }) },
    resolve: ({ name }, { filter }, { loaders }) => loaders.agentStats(filter).load(name),
  }),
)

const ComparedAgentRef = builder.objectRef<ComparedAgent>('ComparedAgent').implement({
  description: 'An agent in a comparison.',
  fields: (t) => ({
    agent: t.expose('agent', { type: AgentRef, description: 'The agent.' }),
    stats: t.expose('stats', { type: AgentStatsRef, description: 'Sums over its traces within the filter.' }),
  }),
})

const AgentComparisonRef = builder.objectRef<ComparedAgent[]>('AgentComparison').implement({
  description: 'Two agents beside each other, over traces within the same filter.',
  fields: (t) => ({
    agents: t.field({ type: [ComparedAgentRef], description: 'a, then b.', resolve: (agents) => agents }),
  }),
})

builder.queryField('compareAgents', (t) =>
  t.field({
    type: AgentComparisonRef,
    description: 'Two agents beside each other. NOT_FOUND where the tenant has not both. Needs the scope READ.',
    args: {
      a: t.arg.id({ required: true, description: "An agent's id." }),
      b: t.arg.id({ required: true, description: "Another's id, or the same." }),
      filter: t.arg({ type: TraceFilterInput, description: 'Only over these of their traces.' }),
    },
    resolve: (_, args, { services, viewer }) => services.traceStats.compareAgents(viewer, args),
  }),
)
