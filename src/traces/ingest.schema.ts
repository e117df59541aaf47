import { builder } from '../graphql/builder.ts'
import type { IngestReceipt } from './ingest.service.ts'
import { SpanKindRef } from './span-kind.schema.ts'
import { TraceStatusRef } from './trace.schema.ts'
import type { IngestProblem } from './trace-input.ts'

const SpanInput = builder.inputType('SpanInput', {
  description:
    'What is known of a span by now. It may come in pieces, repeated and in any order: what is left out says nothing, ' +
    'and where pieces disagree the later, greater or fuller value stays. Texts: 200 characters unless said otherwise.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'Your id for it, unique within the trace.' }),
    parentId: t.id({ description: 'The span that it is part of. It may come later, or never.' }),
    kind: t.field({ type: SpanKindRef, description: 'What it is; OTHER unless said.' }),
    name: t.string({ required: true, description: 'What it is called, up to 1,000 characters.' }),
    status: t.field({
      type: TraceStatusRef,
      description: 'Left out: FAILED with an errorMessage, COMPLETED with endedAt or durationMs, else RUNNING.',
    }),
    errorMessage: t.string({ description: 'What went wrong, up to 100,000 characters.' }),
    startedAt: t.field({ type: 'DateTime', description: 'When it began.' }),
    endedAt: t.field({ type: 'DateTime', description: 'When it ended.' }),
    durationMs: t.float({ description: 'How long it took; left out, from its start to its end.' }),
    model: t.string({ description: 'The model that was called.' }),
    provider: t.string({ description: "The model's provider: `openai`, `anthropic`, …" }),
    inputTokens: t.int({ description: 'Tokens read, cached ones included. Counts on LLM and EMBEDDING spans.' }),
    outputTokens: t.int({ description: 'Tokens written, reasoning included.' }),
    totalTokens: t.int({ description: 'Both; left out, their sum.' }),
    cachedInputTokens: t.int({ description: 'Those of the tokens read that came from a cache.' }),
    reasoningTokens: t.int({ description: 'Those of the tokens written that were reasoning.' }),
    cost: t.field({ type: 'Decimal', description: 'In USD; left out, it is worked out from the tokens.' }),
    input: t.field({ type: 'JSON', description: 'What went in.' }),
    output: t.field({ type: 'JSON', description: 'What came out.' }),
    attributes: t.field({ type: 'JSON', description: 'Whatever else there is, an object; merged key by key.' }),
  }),
})

const TraceInput = builder.inputType('TraceInput', {
  description:
    'What is known of a trace by now; like its spans it may come in pieces. What is left out is worked out from the ' +
    'spans where they say it. Texts: 200 characters unless said otherwise.',
  fields: (t) => ({
    id: t.id({ description: 'Your id for it. Left out, one is made, and a repeated request makes another trace.' }),
    agent: t.string({ description: 'The name of the program that ran; it appears among the agents.' }),
    name: t.string({ description: 'What it is called, up to 1,000 characters.' }),
    promptName: t.string({ description: 'The prompt that it was made with.' }),
    etag: t.string({ description: "The hash of that prompt's content." }),
    status: t.field({ type: TraceStatusRef, description: 'How it stands; left out, what its root spans say.' }),
    success: t.boolean({ description: 'Whether it did what it should.' }),
    outcome: t.string({ description: 'How it turned out, in a word.' }),
    errorMessage: t.string({ description: 'What went wrong, up to 100,000 characters.' }),
    startedAt: t.field({ type: 'DateTime', description: 'When it began.' }),
    endedAt: t.field({ type: 'DateTime', description: 'When it ended.' }),
    durationMs: t.float({ description: 'How long it took; left out, from its start to its end.' }),
    model: t.string({ description: 'The model, of a trace that is one model call.' }),
    provider: t.string({ description: "The model's provider: `openai`, `anthropic`, …" }),
    modelConfig: t.field({ type: 'JSON', description: 'Parameters of the model.' }),
    inputTokens: t.int({ description: 'Tokens read, cached ones included.' }),
    outputTokens: t.int({ description: 'Tokens written, reasoning included.' }),
    totalTokens: t.int({ description: 'Both; left out, their sum.' }),
    cachedInputTokens: t.int({ description: 'Those of the tokens read that came from a cache.' }),
    reasoningTokens: t.int({ description: 'Those of the tokens written that were reasoning.' }),
    cost: t.field({ type: 'Decimal', description: 'In USD; left out, what its spans or its tokens cost.' }),
    tags: t.stringList({ description: 'Up to 100 tags.' }),
    metadata: t.field({ type: 'JSON', description: 'Whatever else there is, an object; merged key by key.' }),
    conversationId: t.string({ description: 'The conversation it belongs to.' }),
    runId: t.string({ description: 'The test run or job it belongs to.' }),
    userId: t.string({ description: 'For whom it was done.' }),
    manifest: t.field({ type: 'JSON', description: 'How the prompt was compiled.' }),
    variables: t.field({ type: 'JSON', description: "The values of the prompt's variables." }),
    messages: t.field({ type: 'JSON', description: 'The messages that were sent to the model.' }),
    output: t.field({ type: 'JSON', description: 'What came back.' }),
    tools: t.field({ type: 'JSON', description: 'The tools that the model could call.' }),
    toolChoice: t.field({ type: 'JSON', description: 'How it was to choose among them.' }),
    spans: t.field({ type: [SpanInput], description: 'Its spans, or some of them.' }),
  }),
})

const IngestTracesInput = builder.inputType('IngestTracesInput', {
  description: 'A batch of traces with their spans.',
  fields: (t) => ({
    traces: t.field({
      type: [TraceInput],
      required: true,
      description: 'The traces: up to 1,000 with 1,000 spans in all.',
    }),
  }),
})

const IngestErrorRef = builder.objectRef<IngestProblem>('IngestError').implement({
  description: 'Why a trace was not stored.',
  fields: (t) => ({
    index: t.exposeInt('index', { description: 'Of the trace in the list that was sent.' }),
    traceId: t.exposeID('traceId', { nullable: true, description: "The trace's id, if it had one." }),
    spanId: t.exposeID('spanId', { nullable: true, description: 'The span that is wrong, if it is one.' }),
    path: t.exposeString('path', { nullable: true, description: 'Where: `traces[3].spans[1].startedAt`.' }),
    code: t.exposeString('code', { description: '`INVALID_INPUT`.' }),
    message: t.exposeString('message', { description: 'What was expected, and what came.' }),
  }),
})

const IngestReceiptRef = builder.objectRef<IngestReceipt>('IngestReceipt').implement({
  description: 'What became of a batch. Given only when all that was accepted is committed.',
  fields: (t) => ({
    accepted: t.exposeInt('accepted', { description: 'Traces that are stored, repeated ones included.' }),
    rejected: t.exposeInt('rejected', { description: 'Traces of which nothing is stored.' }),
    traceIds: t.exposeIDList('traceIds', { description: 'Ids of the stored traces, in the order sent, each once.' }),
    errors: t.expose('errors', { type: [IngestErrorRef], description: 'What is wrong with the others.' }),
    cursor: t.exposeString('cursor', { description: 'Where to subscribe from to hear what happens after this batch.' }),
  }),
})

builder.mutationField('ingestTraces', (t) =>
  t.field({
    type: IngestReceiptRef,
    description:
      'Takes traces in. Every good one is stored, every bad one reported; what was stored before and comes again ' +
      'changes nothing. `POST /ingest` takes the same as plain JSON, and faster. Needs the scope INGEST.',
    args: { input: t.arg({ type: IngestTracesInput, required: true, description: 'The batch.' }) },
    resolve: (_, { input }, { services, viewer }) => services.ingest.ingestTraces(viewer, input.traces),
  }),
)
