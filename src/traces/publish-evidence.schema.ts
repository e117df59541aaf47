import { builder } from '../graphql/builder.ts'
import type { Evidence } from '../prompts/prompt.ts'
import { PromptVersionRef } from '../prompts/prompt-version.schema.ts'
import { PromptLabelMoveRef } from '../prompts/publish.schema.ts'
import { TraceRef } from './trace.schema.ts'

export const PublishEvidenceRef = builder.objectRef<Evidence>('PublishEvidence').implement({
  description: 'What justified a version.',
  fields: (t) => ({
    trace: t.field({
      type: TraceRef,
      nullable: true,
      description: 'The trace that showed what was wrong. Null: none was given, or it was deleted.',
      resolve: ({ traceId }, _, { loaders }) => (traceId === null ? null : loaders.traceById.load(traceId)),
    }),
  }),
})

builder.objectField(PromptVersionRef, 'evidence', (t) =>
  t.field({
    type: PublishEvidenceRef,
    nullable: true,
    description: 'What justified it. Null: nothing was said.',
    resolve: ({ evidence }) => evidence,
  }),
)

builder.objectField(PromptLabelMoveRef, 'evidence', (t) =>
  t.field({
    type: PublishEvidenceRef,
    nullable: true,
    description: 'What was said to justify it. Null: nothing.',
    resolve: ({ evidence }) => evidence,
  }),
)
