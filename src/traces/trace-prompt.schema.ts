import { builder } from '../graphql/builder.ts'
import { PromptRef } from '../prompts/prompt.schema.ts'
import { PromptVersionRef } from '../prompts/prompt-version.schema.ts'
import { AgentStatsRef } from './agent-stats.schema.ts'
import { TraceRef } from './trace.schema.ts'
import { TraceFilterInput } from './trace-filter.schema.ts'

builder.objectFields(TraceRef, (t) => ({
  prompt: t.field({
    type: PromptRef,
    nullable: true,
    description: 'The prompt that it names. Null: it names none, or there is none of that name.',
    resolve: ({ promptName }, _, { loaders }) => (promptName === null ? null : loaders.promptByName.load(promptName)),
  }),
  promptVersion: t.field({
    type: PromptVersionRef,
    nullable: true,
    description: 'The version of that prompt that has its etag. Null: none has.',
    resolve: ({ promptName, etag }, _, { loaders }) =>
      promptName === null || etag === null ? null : loaders.promptVersionByEtag.load({ promptName, etag }),
  }),
}))

builder.objectField(PromptVersionRef, 'stats', (t) =>
  t.field({
    type: AgentStatsRef,
    description: 'Sums over the traces that were made with it. For all versions of a prompt they are one query.',
    args: { filter: t.arg({ type: TraceFilterInput, description: 'Only over these of them.' }) },
    resolve: async ({ promptId, etag }, { filter }, { loaders }) => {
      const { name: promptName } = await loaders.promptById.load(promptId)
      return loaders.promptVersionStats(filter).load({ promptName, etag })
    },
  }),
)
