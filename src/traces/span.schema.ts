import { builder } from '../graphql/builder.ts'
import { type Span, type SpanContentField, spanContentFields } from './span.ts'
import { SpanKindRef } from './span-kind.schema.ts'
import { CostSourceRef, TraceStatusRef } from './trace.schema.ts'

export const SpanRef = builder.objectRef<Span>('Span').implement({
  description: 'A step of a trace: a model call, a tool call, whatever the client made a span of.',
  fields: (t) => ({
    id: t.exposeID('id', { description: "The client's id for it, unique within its trace." }),
    parentId: t.exposeID('parentId', {
      nullable: true,
      description: 'The span that it is part of, as the client gave it: there may be none of that id.',
    }),
    kind: t.expose('kind', { type: SpanKindRef, description: 'What it does.' }),
    name: t.exposeString('name', { description: 'What it is called.' }),
    status: t.expose('status', {
      type: TraceStatusRef,
      description: 'As given; else FAILED with an errorMessage, COMPLETED with an end, RUNNING without.',
    }),
    errorMessage: t.exposeString('errorMessage', { nullable: true, description: 'What went wrong.' }),
    startedAt: t.expose('startedAt', {
      type: 'DateTime',
      description: 'When it began: as given, else when it ended, else when it was first heard of.',
    }),
    endedAt: t.expose('endedAt', { type: 'DateTime', nullable: true, description: 'When it ended. Null: not known.' }),
    durationMs: t.exposeFloat('durationMs', {
      nullable: true,
      description: 'How long it took: as given, else from its start to its end.',
    }),
    model: t.exposeString('model', { nullable: true, description: 'The model that was called.' }),
    provider: t.exposeString('provider', { nullable: true, description: "The model's provider." }),
    inputTokens: t.exposeInt('inputTokens', { nullable: true, description: 'Tokens read, cached ones included.' }),
    outputTokens: t.exposeInt('outputTokens', {
      nullable: true,
      description: 'Tokens written, reasoning included.',
    }),
    totalTokens: t.exposeInt('totalTokens', { nullable: true, description: 'Both: as given, else their sum.' }),
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
      description: 'In USD. Null where it is not known: see costSource.',
    }),
    costSource: t.expose('costSource', { type: CostSourceRef, description: 'Where the cost comes from.' }),
  }),
})

const contentDescriptions: Record<SpanContentField, string> = {
  input: 'What went in.',
  output: 'What came out.',
  attributes: 'Whatever else the client wanted to keep; an object. Records of one span are merged key by key.',
}

// Wide, and read only where they are selected.
builder.objectFields(SpanRef, (t) =>
  Object.fromEntries(
    spanContentFields.map((field) => [
      field,
      t.field({
        type: 'JSON',
        nullable: true,
        description: contentDescriptions[field],
        resolve: ({ traceId, id: spanId }, _, { loaders }) => loaders.spanContent.load({ traceId, spanId, field }),
      }),
    ]),
  ),
)
