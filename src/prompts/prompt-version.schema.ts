import { builder } from '../graphql/builder.ts'
import { connectionOf, forwardPageArgs } from '../graphql/connection.ts'
import { PromptRef } from './prompt.schema.ts'
import type { Author, PromptVersion } from './prompt.ts'
import { PromptContentRef } from './prompt-content.schema.ts'

export const PromptSelectorRef = builder.inputType('PromptSelector', {
  description: 'One content of a prompt. Exactly one of these is given; none means the label "production".',
  fields: (t) => ({
    version: t.int({ description: 'The version with this number.' }),
    label: t.string({ description: 'What this label points at.' }),
    etag: t.string({ description: 'The version with this etag.' }),
    draft: t.boolean({ description: 'True: the draft, as it is now.' }),
  }),
})

export const AuthorRef = builder.objectRef<Author>('Author').implement({
  description: 'The key that did it, which may be gone by now.',
  fields: (t) => ({
    keyId: t.exposeID('keyId', { description: 'Its public part.' }),
    keyName: t.exposeString('keyName', { description: 'What it was called.' }),
  }),
})

export const PromptVersionRef = builder.objectRef<PromptVersion>('PromptVersion').implement({
  description: 'A content as it was published: it never changes, and in its prompt no other version has its etag.',
  fields: (t) => ({
    prompt: t.field({
      type: PromptRef,
      description: 'Whose version it is.',
      resolve: ({ promptId }, _, { loaders }) => loaders.promptById.load(promptId),
    }),
    number: t.exposeInt('number', { description: 'Its number, from 1; none is given twice.' }),
    etag: t.exposeString('etag', { description: 'The SHA-256 of its canonical content (RFC 8785), in hex.' }),
    content: t.field({
      type: PromptContentRef,
      description: 'What it says.',
      resolve: (version, _, { loaders }) => loaders.contentByVersion.load(version),
    }),
    note: t.exposeString('note', { nullable: true, description: 'What was said of it when it was made.' }),
    author: t.field({ type: AuthorRef, description: 'Who published it.', resolve: (version) => version }),
    publishedAt: t.expose('publishedAt', { type: 'DateTime', description: 'When it was made.' }),
  }),
})

const PromptVersionConnectionRef = connectionOf(PromptVersionRef, { many: 'versions' })

builder.objectFields(PromptRef, (t) => ({
  published: t.field({
    type: PromptVersionRef,
    nullable: true,
    description: 'What the label "production" points at. Null: nothing is published.',
    resolve: ({ id }, _, { loaders }) => loaders.publishedByPromptId.load(id),
  }),
  version: t.field({
    type: PromptVersionRef,
    nullable: true,
    description: 'One of its versions; null where there is none such.',
    args: { selector: t.arg({ type: PromptSelectorRef, required: true, description: 'Which one; not the draft.' }) },
    resolve: (prompt, { selector }, { services, viewer }) =>
      services.promptVersions.findVersion(viewer, prompt, selector),
  }),
  versions: t.field({
    type: PromptVersionConnectionRef,
    description: 'All its versions, newest first.',
    args: { ...forwardPageArgs },
    resolve: (prompt, page, { services, viewer }) => services.promptVersions.listVersions(viewer, prompt, page),
  }),
}))

builder.mutationField('deletePromptVersion', (t) =>
  t.boolean({
    description:
      'Removes a version. CONFLICT as long as a label points at it, or traces are there that were made with it. ' +
      'Needs the scope PUBLISH.',
    args: {
      name: t.arg.string({ required: true, description: "The prompt's name." }),
      version: t.arg.int({ required: true, description: "The version's number." }),
    },
    resolve: (_, { name, version }, { services, viewer }) =>
      services.promptVersions.deleteVersion(viewer, name, version),
  }),
)
