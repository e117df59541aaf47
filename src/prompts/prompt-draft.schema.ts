import { builder } from '../graphql/builder.ts'
import { PromptRef } from './prompt.schema.ts'
import type { PromptDraft } from './prompt.ts'
import { PromptContentInputRef, PromptContentRef } from './prompt-content.schema.ts'

export const PromptDraftRef = builder.objectRef<PromptDraft>('PromptDraft').implement({
  description: 'The one content of a prompt that may be changed: what the next version will say.',
  fields: (t) => ({
    prompt: t.field({
      type: PromptRef,
      description: 'Whose draft it is.',
      resolve: ({ promptId }, _, { loaders }) => loaders.promptById.load(promptId),
    }),
    revision: t.exposeInt('revision', {
      description: 'Goes up with every write. Whoever writes or publishes says which one was read.',
    }),
    etag: t.exposeString('etag', {
      description:
        'The SHA-256 of its canonical content (RFC 8785), in hex: the same content has the same one anywhere.',
    }),
    content: t.expose('content', { type: PromptContentRef, description: 'What it says.' }),
    baseVersion: t.exposeInt('baseNumber', {
      nullable: true,
      description: 'The version that it was last published as. Null: it never was.',
    }),
    changed: t.exposeBoolean('changed', { description: 'Whether it says something else than that version.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last written.' }),
  }),
})

builder.objectField(PromptRef, 'draft', (t) =>
  t.field({
    type: PromptDraftRef,
    description: 'What the next version will say.',
    resolve: ({ id }, _, { loaders }) => loaders.draftByPromptId.load(id),
  }),
)

builder.mutationField('updatePromptDraft', (t) =>
  t.field({
    type: PromptDraftRef,
    description:
      'Writes the whole draft. STALE_REVISION, with `currentRevision`, where somebody else has written in between: ' +
      'nothing is lost silently. INVALID_INPUT names the block and the place of a broken placeholder or condition. ' +
      'Needs the scope EDIT.',
    args: {
      name: t.arg.string({ required: true, description: "The prompt's name." }),
      input: t.arg({ type: PromptContentInputRef, required: true, description: 'All that it is to say.' }),
      expectedRevision: t.arg.int({ required: true, description: 'The revision that was read.' }),
    },
    resolve: (_, { name, input, expectedRevision }, { services, viewer }) =>
      services.promptDrafts.updateDraft(viewer, name, input, expectedRevision),
  }),
)
