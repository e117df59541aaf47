import { builder } from '../graphql/builder.ts'
import { DecisionTypeRef, ReasoningTraceRef } from './reasoning.schema.ts'

const DecisionInputRef = builder.inputType('DecisionInput', {
  description: 'What was decided.',
  fields: (t) => ({
    type: t.field({ type: DecisionTypeRef, required: true, description: 'What kind of decision it is.' }),
    summary: t.string({ required: true, description: 'What was decided, in short: 1 to 20,000 characters.' }),
    outputRef: t.string({ description: 'What it explains: a reference to the output, up to 20,000 characters.' }),
  }),
})

const ReasoningInputRef = builder.inputType('ReasoningInput', {
  description: 'What led to it.',
  fields: (t) => ({
    observations: t.stringList({
      required: true,
      description: 'What was seen or read before: up to 500 texts of 1 to 20,000 characters.',
    }),
    conclusion: t.string({ required: true, description: 'What was concluded: 1 to 20,000 characters.' }),
    hypothesis: t.string({ description: 'What might have been so instead: up to 20,000 characters.' }),
    confidence: t.float({ description: 'How sure of it, from 0 to 1.' }),
    alternativesConsidered: t.field({
      type: ['JSON'],
      description: 'Other ways that were considered, of whatever shape: `{"option": "…"}`. Up to 500 values.',
    }),
  }),
})

const ReasoningContextInputRef = builder.inputType('ReasoningContextInput', {
  description: 'What it rests on.',
  fields: (t) => ({
    filesRead: t.stringList({
      description: 'Files or sources that were read: up to 500 texts of up to 20,000 characters.',
    }),
    keyFacts: t.stringList({
      description: 'Facts that were drawn from them: up to 500 texts of up to 20,000 characters.',
    }),
  }),
})

const StoreReasoningInputRef = builder.inputType('StoreReasoningInput', {
  description:
    'A record of why something was decided: up to 100,000 characters as JSON. Ids and names have 1 to 200 of them, and ' +
    'not only blanks.',
  fields: (t) => ({
    id: t.id({
      description:
        'Made here where it is left out. With one of its own a client may ask again: the same content is the same ' +
        'record, another content is a CONFLICT.',
    }),
    decision: t.field({ type: DecisionInputRef, required: true, description: 'What was decided.' }),
    reasoning: t.field({ type: ReasoningInputRef, required: true, description: 'What led to it.' }),
    context: t.field({ type: ReasoningContextInputRef, description: 'What it rests on.' }),
    agent: t.string({ description: 'The name of who decided; an agent that is new appears with it.' }),
    sessionId: t.string({ description: 'The session of the agent that it is part of.' }),
    tags: t.stringList({
      description: 'Words to find it by: up to 100 of 1 to 200 characters, of which each counts once.',
    }),
    parentId: t.id({ description: 'The record that it came of, which has to be there.' }),
    traceId: t.id({ description: 'The trace of what was done meanwhile; it may come later.' }),
    spanId: t.id({ description: 'With a trace: the step within it.' }),
  }),
})

builder.mutationFields((t) => ({
  storeReasoning: t.field({
    type: ReasoningTraceRef,
    description:
      'Stores why something was decided and signs it into the ledger; answered when both are committed. It is found by ' +
      'its words at once, and by its meaning a moment later. Needs the scope INGEST.',
    args: { input: t.arg({ type: StoreReasoningInputRef, required: true, description: 'The record.' }) },
    resolve: (_, { input }, { services, viewer }) => services.reasoning.storeReasoning(viewer, input),
  }),
  deleteReasoning: t.boolean({
    description:
      'Removes a record, with all that a search finds it by. The ledger keeps its hash and says that it was deleted; its ' +
      'id is not given again. What came of it stays. Needs the scope ADMIN.',
    args: { id: t.arg.id({ required: true, description: "The record's id." }) },
    resolve: (_, { id }, { services, viewer }) => services.reasoning.deleteReasoning(viewer, id),
  }),
}))
