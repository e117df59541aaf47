import { builder } from '../graphql/builder.ts'
import { connectionOf, forwardPageArgs } from '../graphql/connection.ts'
import type { Context } from '../graphql/context.ts'
import { describedValues } from '../graphql/described-values.ts'
import { AgentRef } from '../traces/agent.schema.ts'
import { TraceRef } from '../traces/trace.schema.ts'
import { DateTimeRangeInput } from '../traces/trace-filter.schema.ts'
import { LedgerEntryRef } from './ledger.schema.ts'
import type { DecisionType, ReasoningChain, ReasoningContent, ReasoningTrace } from './reasoning.ts'
import type { ReasoningEvent } from './reasoning-event.ts'

const typeDescriptions: Record<DecisionType, string> = {
  DECISION: 'One way was chosen over others.',
  TOOL_CALL: 'A tool was called.',
  PLAN: 'Steps were laid out.',
  VERIFICATION: 'Something was checked.',
  OTHER: 'Something else.',
}

export const DecisionTypeRef = builder.enumType('DecisionType', {
  description: 'What kind of decision was made.',
  values: describedValues(typeDescriptions),
})

/** What is wide is mostly there already, and else read for all that are asked for. */
function contentField<Field extends keyof ReasoningContent>(field: Field) {
  return ({ id, content }: ReasoningTrace, _: unknown, { loaders }: Context) =>
    content ? content[field] : loaders.reasoningContent.load(id).then((read) => read[field])
}

export const ReasoningTraceRef = builder.objectRef<ReasoningTrace>('ReasoningTrace').implement({
  description: 'Why something was decided. It is never changed; the ledger has its hash.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Its id: `tr_…`, or as the client gave it.' }),
    decisionType: t.expose('decisionType', { type: DecisionTypeRef, description: 'What kind of decision it was.' }),
    summary: t.string({ description: 'What was decided, in short.', resolve: contentField('summary') }),
    outputRef: t.string({
      nullable: true,
      description: 'What it explains: a reference to the output.',
      resolve: contentField('outputRef'),
    }),
    observations: t.stringList({
      description: 'What was seen or read before.',
      resolve: contentField('observations'),
    }),
    hypothesis: t.string({
      nullable: true,
      description: 'What might have been so instead.',
      resolve: contentField('hypothesis'),
    }),
    conclusion: t.string({ description: 'What was concluded.', resolve: contentField('conclusion') }),
    confidence: t.exposeFloat('confidence', { nullable: true, description: 'How sure of it, from 0 to 1.' }),
    alternatives: t.field({
      type: 'JSON',
      description: 'Other ways that were considered: a list of values as the client gave them.',
      resolve: contentField('alternatives'),
    }),
    filesRead: t.stringList({ description: 'Files or sources that were read.', resolve: contentField('filesRead') }),
    keyFacts: t.stringList({ description: 'Facts that were drawn from them.', resolve: contentField('keyFacts') }),
    agent: t.field({
      type: AgentRef,
      nullable: true,
      description: 'Who decided.',
      resolve: ({ agent }, _, { loaders }) => (agent === null ? null : loaders.agentByName.load(agent)),
    }),
    sessionId: t.exposeString('sessionId', {
      nullable: true,
      description: 'The session of the agent that it is part of.',
    }),
    tags: t.exposeStringList('tags', { description: 'Words to find it by, as they were given, each once.' }),
    traceId: t.exposeID('traceId', {
      nullable: true,
      description: 'The id of the trace that was named, whether it is there or not.',
    }),
    trace: t.field({
      type: TraceRef,
      nullable: true,
      description: 'What was done meanwhile. Null: none was named, it has not come yet, or it was deleted.',
      resolve: ({ traceId }, _, { loaders }) => (traceId === null ? null : loaders.traceById.load(traceId)),
    }),
    spanId: t.exposeID('spanId', { nullable: true, description: 'The step within that trace.' }),
    ledger: t.field({
      type: LedgerEntryRef,
      description: 'The signed entry that says it was stored.',
      // An entry is written with its record, and never removed.
      resolve: ({ id }, _, { loaders }) => loaders.ledgerEntryByReasoningId.load(id) as never,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was stored and signed.' }),
  }),
})

const ReasoningTraceConnectionRef = connectionOf(ReasoningTraceRef, { many: 'reasoning records' })

builder.objectFields(ReasoningTraceRef, (t) => ({
  parentId: t.exposeID('parentId', {
    nullable: true,
    description: 'The id of what it came of, also when that is deleted. Null: it came of nothing.',
  }),
  parent: t.field({
    type: ReasoningTraceRef,
    nullable: true,
    description: 'What it came of. Null: it is the first of its chain, or what was before it is deleted.',
    resolve: ({ parentId }, _, { loaders }) => (parentId === null ? null : loaders.reasoningById.load(parentId)),
  }),
  children: t.field({
    type: ReasoningTraceConnectionRef,
    description: 'What came of it, newest first.',
    args: { ...forwardPageArgs },
    resolve: ({ id }, page, { loaders }) => loaders.reasoningOf.load({ owner: 'parentId', id, page }),
  }),
}))

builder.objectField(TraceRef, 'reasoning', (t) =>
  t.field({
    type: ReasoningTraceConnectionRef,
    description:
      'Why its agent did what it did, newest first. Records stay when the trace is deleted, and lead nowhere then.',
    args: { ...forwardPageArgs },
    resolve: ({ id }, page, { loaders }) => loaders.reasoningOf.load({ owner: 'traceId', id, page }),
  }),
)

const ReasoningChainRef = builder.objectRef<ReasoningChain>('ReasoningChain').implement({
  description: 'A record that came of no other, and all that came of it.',
  fields: (t) => ({
    parent: t.expose('parent', { type: ReasoningTraceRef, description: 'The first of the chain.' }),
    children: t.field({
      type: [ReasoningTraceRef],
      extensions: { listSize: 100 },
      description: 'All that came of it: each before what came of it, and that before what was stored later.',
      resolve: ({ children }) => children,
    }),
    depth: t.exposeInt('depth', { description: 'How many steps lead from the first to the farthest.' }),
  }),
})

export const ReasoningFilterInput = builder.inputType('ReasoningFilter', {
  description: 'Which records. All conditions hold together; what is left out or null is no condition.',
  fields: (t) => ({
    agent: t.string({ description: 'Of the agent of this name.' }),
    sessionId: t.string({ description: 'Of this session.' }),
    tag: t.string({ description: 'With this tag.' }),
    decisionType: t.field({ type: [DecisionTypeRef], description: 'Of one of these kinds.' }),
    traceId: t.id({ description: 'Linked to this trace.' }),
    createdAt: t.field({ type: DateTimeRangeInput, description: 'Stored within this time.' }),
  }),
})

builder.queryFields((t) => ({
  reasoningTraces: t.field({
    type: ReasoningTraceConnectionRef,
    description: 'The records of the tenant, newest first. Needs the scope READ.',
    args: {
      filter: t.arg({ type: ReasoningFilterInput, description: 'Which; left out: all.' }),
      ...forwardPageArgs,
    },
    resolve: (_, query, { services, viewer }) => services.reasoning.listRecords(viewer, query),
  }),
  reasoningTrace: t.field({
    type: ReasoningTraceRef,
    nullable: true,
    description: 'The record with that id; null where the tenant has none. Needs the scope READ.',
    args: { id: t.arg.id({ required: true, description: "The record's id." }) },
    resolve: (_, { id }, { loaders }) => loaders.reasoningById.load(id),
  }),
  reasoningChain: t.field({
    type: ReasoningChainRef,
    nullable: true,
    extensions: { cost: 5_000 },
    description:
      'The whole chain that a record is part of, whichever it is. Null where the tenant has no such record. Needs the ' +
      'scope READ.',
    args: { id: t.arg.id({ required: true, description: 'The id of any record of the chain.' }) },
    resolve: (_, { id }, { services, viewer }) => services.reasoning.findChain(viewer, id),
  }),
}))

const ReasoningEventRef = builder.objectRef<ReasoningEvent>('ReasoningEvent').implement({
  description: 'A record was stored.',
  fields: (t) => ({
    cursor: t.exposeString('cursor', {
      description: 'Its place in the feed: subscribe again with it as `after`, and what follows comes exactly once.',
    }),
    trace: t.expose('record', { type: ReasoningTraceRef, description: 'The record.' }),
  }),
})

builder.subscriptionField('reasoningEvents', (t) =>
  t.field({
    type: ReasoningEventRef,
    description:
      'The records that match, as they are stored: in order, each once, and none is missed by who comes back with ' +
      '`after`. One that is deleted before it could be told is left out. Needs the scope READ.',
    args: {
      filter: t.arg({ type: ReasoningFilterInput, description: 'Which; left out: all. The same as of the list.' }),
      after: t.arg.string({
        description:
          'The cursor of the last event that was seen, of whichever subscription, or of an IngestReceipt: what has ' +
          'happened since comes first. Left out: from now on.',
      }),
    },
    subscribe: (_, query, { services, viewer }) => services.reasoningEvents.watchReasoning(viewer, query),
    resolve: (event) => event,
  }),
)
