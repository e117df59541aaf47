import { builder } from '../graphql/builder.ts'
import { connectionOf, forwardPageArgs } from '../graphql/connection.ts'
import { PromptRef } from './prompt.schema.ts'
import { type PromptLabel, type PromptLabelMove, publishedLabel } from './prompt.ts'
import { AuthorRef, PromptVersionRef } from './prompt-version.schema.ts'

const PromptLabelRef = builder.objectRef<PromptLabel>('PromptLabel').implement({
  description: 'A name that points at one version of a prompt: what is asked for by the label is served from there.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name: `production`, `staging`.' }),
    version: t.field({
      type: PromptVersionRef,
      description: 'What it points at.',
      resolve: (label, _, { loaders }) => loaders.promptVersionByKey.load(label),
    }),
    movedAt: t.expose('movedAt', { type: 'DateTime', description: 'Since when it has been there.' }),
  }),
})

export const PromptLabelMoveRef = builder.objectRef<PromptLabelMove>('PromptLabelMove').implement({
  description: 'How a label came to point where it did.',
  fields: (t) => ({
    label: t.exposeString('label', { description: 'The label.' }),
    from: t.exposeInt('fromNumber', {
      nullable: true,
      description: 'The number of the version it pointed at before. Null: it was new.',
    }),
    to: t.exposeInt('toNumber', {
      nullable: true,
      description: 'The number of the version it points at since. Null: it was removed.',
    }),
    note: t.exposeString('note', { nullable: true, description: 'What was said when it was published.' }),
    author: t.field({ type: AuthorRef, description: 'Who moved it.', resolve: (move) => move }),
    movedAt: t.expose('movedAt', { type: 'DateTime', description: 'When.' }),
  }),
})

const PromptLabelMoveConnectionRef = connectionOf(PromptLabelMoveRef, { many: 'moves' })

builder.objectFields(PromptRef, (t) => ({
  labels: t.field({
    type: [PromptLabelRef],
    description: 'Its labels, by name.',
    resolve: ({ id }, _, { loaders }) => loaders.labelsByPromptId.load(id),
  }),
  labelMoves: t.field({
    type: PromptLabelMoveConnectionRef,
    description: 'Every move of its labels, newest first.',
    args: { ...forwardPageArgs },
    resolve: (prompt, page, { services, viewer }) => services.publish.listMoves(viewer, prompt, page),
  }),
}))

const PublishEvidenceInputRef = builder.inputType('PublishEvidenceInput', {
  description: 'What justifies a version.',
  fields: (t) => ({
    traceId: t.id({ description: 'The trace that showed what was wrong.' }),
  }),
})

const labelRule = '1 to 100 of a-z, 0-9, ".", "_" and "-", a letter or digit first'

builder.mutationFields((t) => ({
  publishPrompt: t.field({
    type: PromptVersionRef,
    description:
      'Makes the draft a version and moves a label to it, both or neither. A content that is a version already stays ' +
      'that one: the label moves there, and what is said stands with the move. STALE_REVISION where the draft is not what was read. Needs the scope PUBLISH.',
    args: {
      name: t.arg.string({ required: true, description: "The prompt's name." }),
      expectedRevision: t.arg.int({ required: true, description: 'The revision of the draft that was read.' }),
      note: t.arg.string({ description: 'What to say of it, up to 2,000 characters.' }),
      label: t.arg.string({ defaultValue: publishedLabel, description: `The label that moves: ${labelRule}.` }),
      evidence: t.arg({ type: PublishEvidenceInputRef, description: 'What justifies it.' }),
    },
    resolve: (_, input, { services, viewer }) => services.publish.publishPrompt(viewer, input),
  }),
  setPromptLabel: t.field({
    type: PromptRef,
    description:
      'Points a label at a version, an older one, too: that is how to roll back. Agents get it within a second. ' +
      'Needs the scope PUBLISH.',
    args: {
      name: t.arg.string({ required: true, description: "The prompt's name." }),
      label: t.arg.string({ required: true, description: `The label, which may be new: ${labelRule}.` }),
      version: t.arg.int({ required: true, description: "The version's number." }),
    },
    resolve: (_, { name, label, version }, { services, viewer }) =>
      services.publish.setLabel(viewer, name, label, version),
  }),
  removePromptLabel: t.field({
    type: PromptRef,
    description:
      'Removes a label: what is asked for by it is not found any more. One that is not there is passed over. ' +
      'Needs the scope PUBLISH.',
    args: {
      name: t.arg.string({ required: true, description: "The prompt's name." }),
      label: t.arg.string({ required: true, description: 'The label.' }),
    },
    resolve: (_, { name, label }, { services, viewer }) => services.publish.removeLabel(viewer, name, label),
  }),
}))
