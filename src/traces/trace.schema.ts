import { builder } from '../graphql/builder.ts'
import { describedValues } from '../graphql/described-values.ts'
import { type CostSource, type Trace, type TraceContentField, type TraceStatus, traceContentFields } from './trace.ts'

const statusDescriptions: Record<TraceStatus, string> = {
  RUNNING: 'It has begun, and nobody has said that it ended.',
  COMPLETED: 'It ended.',
  TIMED_OUT: 'It was given up after too long.',
  FAILED: 'It ended with an error.',
}

export const TraceStatusRef = builder.enumType('TraceStatus', {
  description:
    'How a trace or a span stands. Where records disagree, FAILED beats TIMED_OUT beats COMPLETED beats RUNNING.',
  values: describedValues(statusDescriptions),
})

const costSourceDescriptions: Record<CostSource, string> = {
  REPORTED: 'A client said it.',
  COMPUTED: "Worked out from tokens: with the tenant's own price of the model, else with the public one of the day.",
  UNPRICED:
    'Unknown, and null: nobody said it, and no price list knows the model, or there was no model. Never taken for zero.',
}

export const CostSourceRef = builder.enumType('CostSource', {
  description: 'Where a cost comes from.',
  values: describedValues(costSourceDescriptions),
})

export const TraceRef = builder.objectRef<Trace>('Trace').implement({
  description:
    'One run of an agent, or one model call, with its spans. What clients gave is shown as they gave it; what they ' +
    'left out is what the spans say.',
  fields: (t) => ({
    id: t.exposeID('id', { description: "The client's id for it, or one made here: `tr_…`." }),
    name: t.exposeString('name', { nullable: true, description: 'What it is called.' }),
    promptName: t.exposeString('promptName', { nullable: true, description: 'The prompt that it was made with.' }),
    etag: t.exposeString('etag', { nullable: true, description: "The hash of that prompt's content at the time." }),
    status: t.expose('status', {
      type: TraceStatusRef,
      description:
        'As given; else RUNNING until it is said to have ended or all of its known root spans have, and then as the ' +
        'worst of them.',
    }),
    success: t.exposeBoolean('success', {
      nullable: true,
      description: 'Whether it did what it should: set with setTraceOutcome, or given. Null: nobody said.',
    }),
    outcome: t.exposeString('outcome', { nullable: true, description: 'How it turned out, in a word.' }),
    errorMessage: t.exposeString('errorMessage', { nullable: true, description: 'What went wrong.' }),
    startedAt: t.expose('startedAt', {
      type: 'DateTime',
      description: 'When it began: as given, else when its first span did, else when it was first heard of.',
    }),
    endedAt: t.expose('endedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it ended: as given, else when its last span did. Null while it runs.',
    }),
    durationMs: t.exposeFloat('durationMs', { nullable: true, description: 'How long it took.' }),
    model: t.exposeString('model', { nullable: true, description: 'The model, of a trace that is one model call.' }),
    provider: t.exposeString('provider', { nullable: true, description: "The model's provider." }),
    inputTokens: t.exposeInt('inputTokens', {
      nullable: true,
      description: 'Tokens read, cached ones included: as given, else the sum of its LLM and EMBEDDING spans.',
    }),
    outputTokens: t.exposeInt('outputTokens', {
      nullable: true,
      description: 'Tokens written, reasoning included: as given, else the sum of its LLM and EMBEDDING spans.',
    }),
    totalTokens: t.exposeInt('totalTokens', { nullable: true, description: 'Tokens read and written.' }),
    cachedInputTokens: t.exposeInt('cachedInputTokens', {
      nullable: true,
      description: 'Those of the tokens read that came from a cache, and cost less.',
    }),
    reasoningTokens: t.exposeInt('reasoningTokens', {
      nullable: true,
      description: 'Those of the tokens written that were reasoning.',
    }),
    cost: t.expose('cost', {
      type: 'Decimal',
      nullable: true,
      description: 'In USD. Null where it, or a part of it, is not known: see costSource.',
    }),
    costSource: t.expose('costSource', { type: CostSourceRef, description: 'Where the cost comes from.' }),
    tags: t.exposeStringList('tags', { description: 'Its tags, sorted.' }),
    conversationId: t.exposeString('conversationId', {
      nullable: true,
      description: 'The conversation it belongs to.',
    }),
    runId: t.exposeString('runId', { nullable: true, description: 'The test run or job it belongs to.' }),
    userId: t.exposeString('userId', { nullable: true, description: 'For whom it was done.' }),
    spanCount: t.exposeInt('spanCount', { description: 'How many spans it has.' }),
    errorCount: t.exposeInt('errorCount', { description: 'How many of its spans failed or timed out.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was first heard of.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed.' }),
  }),
})

const contentDescriptions: Record<TraceContentField, string> = {
  modelConfig: 'Parameters of the model: temperature and such.',
  metadata: 'Whatever else the client wanted to keep; an object. Records of one trace are merged key by key.',
  manifest: 'How the prompt was compiled: which blocks were put in, and why.',
  variables: "The values of the prompt's variables.",
  messages: 'The messages that were sent to the model.',
  output: 'What came back.',
  tools: 'The tools that the model could call.',
  toolChoice: 'How it was to choose among them.',
}

// Wide, and read only where they are selected.
builder.objectFields(TraceRef, (t) =>
  Object.fromEntries(
    traceContentFields.map((field) => [
      field,
      t.field({
        type: 'JSON',
        nullable: true,
        description: contentDescriptions[field],
        resolve: ({ id: traceId }, _, { loaders }) => loaders.traceContent.load({ traceId, field }),
      }),
    ]),
  ),
)

builder.queryField('trace', (t) =>
  t.field({
    type: TraceRef,
    nullable: true,
    description: 'The trace with that id; null where the tenant has none. Needs the scope READ.',
    args: { id: t.arg.id({ required: true, description: "The trace's id." }) },
    resolve: (_, { id }, { loaders }) => loaders.traceById.load(id),
  }),
)

builder.mutationFields((t) => ({
  setTraceOutcome: t.field({
    type: TraceRef,
    description: 'Says how a trace turned out. It wins over whatever clients send. Needs the scope EDIT.',
    args: {
      traceId: t.arg.id({ required: true, description: "The trace's id." }),
      success: t.arg.boolean({ required: true, description: 'Whether it did what it should.' }),
      outcome: t.arg.string({
        description: 'How, in a word of up to 200 characters. Left out: stays. Null: what clients gave.',
      }),
    },
    resolve: (_, { traceId, success, outcome }, { services, viewer }) =>
      services.traces.setOutcome(viewer, traceId, success, outcome),
  }),
  deleteTraces: t.int({
    description:
      'Removes traces with their spans, contents and all that search knows of them, and says how many there were. With ' +
      'them go the sessions of the playground that were opened from them, their runs, and the traces of those. Records ' +
      'of reasoning about them stay, and lead nowhere. Needs the scope ADMIN.',
    args: {
      ids: t.arg.idList({ required: true, description: 'Ids of up to 1,000 traces; unknown ones are passed over.' }),
    },
    resolve: (_, { ids }, { services, viewer }) => services.traces.deleteTraces(viewer, ids),
  }),
}))
