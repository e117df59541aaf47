import { builder } from '../graphql/builder.ts'
import { describedValues } from '../graphql/described-values.ts'
import { PromptDiffRef } from '../prompts/prompt-diff.schema.ts'
import { PromptVersionRef } from '../prompts/prompt-version.schema.ts'
import { TraceRef } from './trace.schema.ts'
import type { DriftStatus, DriftTarget, TraceDrift } from './trace-drift.ts'

const targetDescriptions: Record<DriftTarget, string> = {
  PUBLISHED: 'What the label "production" points at.',
  DRAFT: 'The draft.',
}

const DriftTargetRef = builder.enumType('DriftTarget', {
  description: 'What a trace is compared with.',
  values: describedValues(targetDescriptions),
})

const statusDescriptions: Record<DriftStatus, string> = {
  CURRENT: 'It was made with what the prompt says now.',
  DRIFTED: 'The prompt says something else now.',
  UNKNOWN_PROMPT: 'There is no prompt of the name that it gives.',
  UNKNOWN_VERSION:
    'What it was made with is not known: nobody knows its etag, and it recorded no manifest of ours; or nothing is ' +
    'published to compare it with.',
}

const DriftStatusRef = builder.enumType('DriftStatus', {
  description: 'How a trace stands to its prompt.',
  values: describedValues(statusDescriptions),
})

const TraceDriftRef = builder.objectRef<TraceDrift>('TraceDrift').implement({
  description: 'How the prompt of a trace has changed since.',
  fields: (t) => ({
    status: t.expose('status', { type: DriftStatusRef, description: 'How it stands.' }),
    tracedVersion: t.expose('tracedVersion', {
      type: PromptVersionRef,
      nullable: true,
      description: 'The version that it was made with. Null: it was made with none, or none that is known.',
    }),
    currentVersion: t.expose('currentVersion', {
      type: PromptVersionRef,
      nullable: true,
      description: 'The version that it is compared with. Null: it is the draft, or nothing is published.',
    }),
    diff: t.field({
      type: PromptDiffRef,
      nullable: true,
      extensions: { cost: 400 },
      description:
        'From what it was made with to what the prompt says now. Where the former is not known: from the messages that ' +
        'were sent to those that would be sent now with its variables, each as a block. Null: neither is known.',
      resolve: (drift) => drift.findDiff(),
    }),
  }),
})

builder.objectField(TraceRef, 'drift', (t) =>
  t.field({
    type: TraceDriftRef,
    nullable: true,
    description: 'How its prompt has changed since. Null: it names no prompt.',
    args: { against: t.arg({ type: DriftTargetRef, defaultValue: 'PUBLISHED', description: 'What to compare with.' }) },
    resolve: (trace, { against }, { loaders }) => loaders.traceDrift[against ?? 'PUBLISHED'].load(trace),
  }),
)
