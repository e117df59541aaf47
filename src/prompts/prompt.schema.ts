import { builder } from '../graphql/builder.ts'
import { connectionOf, forwardPageArgs } from '../graphql/connection.ts'
import type { Prompt } from './prompt.ts'
import { PromptContentInputRef } from './prompt-content.schema.ts'

export const PromptRef = builder.objectRef<Prompt>('Prompt').implement({
  description: 'Named text in blocks, with a draft that may be changed and versions that never are.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Its id, made here: `pr_…`.' }),
    name: t.exposeString('name', { description: 'Its name, unique in the tenant: traces name it as `promptName`.' }),
    description: t.exposeString('description', { nullable: true, description: 'What it is for.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    updatedAt: t.expose('updatedAt', {
      type: 'DateTime',
      description: 'When its draft was last written, or one of its labels last moved.',
    }),
  }),
})

const PromptConnectionRef = connectionOf(PromptRef, { many: 'prompts' })

const CreatePromptInputRef = builder.inputType('CreatePromptInput', {
  description: 'A prompt to make.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'Its name, 1 to 200 characters, unique in the tenant.' }),
    description: t.string({ description: 'What it is for, up to 2,000 characters.' }),
    content: t.field({ type: PromptContentInputRef, required: true, description: 'What its draft says at first.' }),
  }),
})

builder.queryFields((t) => ({
  prompts: t.field({
    type: PromptConnectionRef,
    description: 'The prompts of the tenant, by name. Needs the scope READ.',
    args: {
      ...forwardPageArgs,
      search: t.arg.string({ description: 'Only those with this in their names, in upper or lower case.' }),
    },
    resolve: (_, query, { services, viewer }) => services.prompts.listPrompts(viewer, query),
  }),
  prompt: t.field({
    type: PromptRef,
    nullable: true,
    description: 'The prompt of that name; null where the tenant has none. Needs the scope READ.',
    args: { name: t.arg.string({ required: true, description: 'Its whole name.' }) },
    resolve: (_, { name }, { loaders }) => loaders.promptByName.load(name),
  }),
}))

builder.mutationFields((t) => ({
  createPrompt: t.field({
    type: PromptRef,
    description:
      'Makes a prompt, with a draft at revision 1 and nothing published. CONFLICT where the name is taken. ' +
      'Needs the scope EDIT.',
    args: { input: t.arg({ type: CreatePromptInputRef, required: true, description: 'The prompt to make.' }) },
    resolve: (_, { input }, { services, viewer }) => services.prompts.createPrompt(viewer, input),
  }),
  deletePrompt: t.boolean({
    description:
      'Removes a prompt with its draft, its versions and all that is known of its labels. CONFLICT as long as a label ' +
      'points at one of its versions, or traces are there that were made with one. Needs the scope PUBLISH.',
    args: { name: t.arg.string({ required: true, description: 'Its whole name.' }) },
    resolve: (_, { name }, { services, viewer }) => services.prompts.deletePrompt(viewer, name),
  }),
}))
