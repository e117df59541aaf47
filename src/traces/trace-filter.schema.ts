import { builder } from '../graphql/builder.ts'
import { TraceStatusRef } from './trace.schema.ts'
import type { TraceFilter } from './trace-filter.ts'

export const DateTimeRangeInput = builder.inputType('DateTimeRange', {
  description: 'A stretch of time. Either bound may be left out.',
  fields: (t) => ({
    gte: t.field({ type: 'DateTime', description: 'At this moment or later.' }),
    lt: t.field({ type: 'DateTime', description: 'Before this moment.' }),
  }),
})

const FloatRangeInput = builder.inputType('FloatRange', {
  description: 'A range of numbers. Either bound may be left out.',
  fields: (t) => ({
    gte: t.float({ description: 'This much or more.' }),
    lt: t.float({ description: 'Less than this.' }),
  }),
})

const IntRangeInput = builder.inputType('IntRange', {
  description: 'A range of whole numbers. Either bound may be left out.',
  fields: (t) => ({
    gte: t.int({ description: 'This many or more.' }),
    lt: t.int({ description: 'Fewer than this.' }),
  }),
})

const DecimalRangeInput = builder.inputType('DecimalRange', {
  description: 'A range of exact amounts. Either bound may be left out.',
  fields: (t) => ({
    gte: t.field({ type: 'Decimal', description: 'This much or more.' }),
    lt: t.field({ type: 'Decimal', description: 'Less than this.' }),
  }),
})

/** Refers to itself, which TypeScript can't infer. */
export const TraceFilterInput = builder.inputRef<TraceFilter>('TraceFilter').implement({
  description:
    'Which traces are meant: those that meet every condition given; null or left out is no condition. A value that a ' +
    'trace has not got meets none, so `not: { model: "x" }` includes traces without a model. Texts are compared ' +
    'exactly. Up to 100 filters go into one, nested up to 10 deep; a text has up to 1,000 characters, a list up to ' +
    '1,000 entries, and an empty list of values is met by nothing, but for tagsAll.',
  fields: (t) => ({
    and: t.field({ type: [TraceFilterInput], description: 'All of these are met, too. None given: met.' }),
    or: t.field({ type: [TraceFilterInput], description: 'At least one of these is met. None given: not met.' }),
    not: t.field({ type: TraceFilterInput, description: 'This is not met.' }),
    ids: t.idList({ description: 'The trace is one of these.' }),
    agents: t.stringList({ description: 'It was made by one of the agents of these names.' }),
    status: t.field({ type: [TraceStatusRef], description: 'It stands as one of these says.' }),
    success: t.boolean({ description: 'It is known to have done what it should, or not to have.' }),
    outcome: t.string({ description: 'It turned out so.' }),
    promptName: t.string({ description: 'It was made with this prompt.' }),
    etag: t.string({ description: "It was made with this very content of the prompt: the content's hash." }),
    model: t.string({ description: 'Its model.' }),
    provider: t.string({ description: "Its model's provider." }),
    tagsAll: t.stringList({ description: 'It has all of these tags.' }),
    tagsAny: t.stringList({ description: 'It has at least one of these tags.' }),
    search: t.string({
      description:
        'Finds a trace by a part of its prompt name, model or name, or by words of what went in and out: all in its ' +
        'own messages, variables and output, or all in the input and output of one of its spans. Upper and lower case ' +
        'are the same, and any script will do. 1 to 200 characters, up to 10 words. What has just come in is found ' +
        'about a second later; of each value, what stands in its first 100,000 characters.',
    }),
    conversationId: t.string({ description: 'The conversation that it is a part of.' }),
    runId: t.string({ description: 'The run that it is a part of.' }),
    userId: t.string({ description: 'The user that it was made for.' }),
    startedAt: t.field({ type: DateTimeRangeInput, description: 'When it began.' }),
    durationMs: t.field({ type: FloatRangeInput, description: 'How long it took.' }),
    cost: t.field({ type: DecimalRangeInput, description: 'What it cost, in USD. Unknown is not zero.' }),
    totalTokens: t.field({ type: IntRangeInput, description: 'Tokens read and written.' }),
    // Pothos takes `unknown` for `{}` on one side only.
    metadata: t.field({
      type: 'JSON',
      description:
        'An object that its metadata contains: every key given is there with that value, objects within likewise, and ' +
        'of lists every entry given, in whatever order. Nested up to 20 deep, up to 1,000 values.',
    }) as never,
  }),
})
