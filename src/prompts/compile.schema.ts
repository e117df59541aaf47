import { builder } from '../graphql/builder.ts'
import type { CompiledBlock } from './compile.ts'
import type { CompiledPrompt } from './compiled-prompt.ts'
import { ModelConfigRef, PromptBlockRef } from './prompt-content.schema.ts'
import { PromptSelectorRef } from './prompt-version.schema.ts'

const CompiledBlockRef = builder.objectRef<CompiledBlock>('CompiledBlock').implement({
  description: 'What became of a block when its prompt was compiled.',
  fields: (t) => ({
    block: t.expose('block', { type: PromptBlockRef, description: 'The block.' }),
    included: t.exposeBoolean('included', { description: 'Whether it was put in.' }),
    text: t.exposeString('text', {
      nullable: true,
      description: 'Its content with variables put in. Null: it was left out.',
    }),
  }),
})

export const CompiledPromptRef = builder.objectRef<CompiledPrompt>('CompiledPrompt').implement({
  description:
    'A prompt as it goes to a model. Record `etag`, `manifest` and the variables with the trace of the call.',
  fields: (t) => ({
    etag: t.exposeString('etag', { description: 'Of the content that was compiled.' }),
    version: t.exposeInt('version', { nullable: true, description: 'Its number. Null: it is no version but a draft.' }),
    messages: t.field({
      type: 'JSON',
      description: 'The messages in their order: `[{"role": "system", "content": "…"}]`.',
      resolve: ({ messages }) => messages,
    }),
    manifest: t.field({
      type: 'JSON',
      description:
        'All that was compiled and which blocks were put in. Record it with the trace, and the call opens exactly as ' +
        'it was, also when nobody knows the etag any more.',
      resolve: ({ manifest }) => manifest,
    }),
    blocks: t.expose('blocks', { type: [CompiledBlockRef], description: 'What became of each block.' }),
    missingVariables: t.exposeStringList('missingVariables', {
      description: 'What placeholders asked for and was not there: they were replaced by nothing.',
    }),
    unknownVariables: t.exposeStringList('unknownVariables', {
      description: 'What was given, and no block uses and nobody declared: a misspelling, maybe.',
    }),
    model: t.expose('model', { type: ModelConfigRef, nullable: true, description: 'The model that is to answer.' }),
    tools: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The tools that it may call.',
      resolve: ({ tools }) => tools,
    }),
    toolChoice: t.field({
      type: 'JSON',
      nullable: true,
      description: 'How it is to choose among them.',
      resolve: ({ toolChoice }) => toolChoice,
    }),
    responseSchema: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The JSON Schema that its answer must meet.',
      resolve: ({ responseSchema }) => responseSchema,
    }),
  }),
})

builder.queryField('compilePrompt', (t) =>
  t.field({
    type: CompiledPromptRef,
    extensions: { cost: 2_000 },
    description:
      'Evaluates the conditions of a prompt and puts variables in: for agents, before every model call. It is answered ' +
      'from memory, and at most a second behind. INVALID_INPUT names all required variables that are missing, in ' +
      '`missingVariables`, too. ' +
      'Needs the scope READ.',
    args: {
      name: t.arg.string({ required: true, description: "The prompt's name." }),
      selector: t.arg({ type: PromptSelectorRef, description: 'Which content; left out: the label "production".' }),
      variables: t.arg({ type: 'JSON', description: 'The values of its variables, an object by name.' }),
    },
    resolve: (_, args, { services, viewer }) => services.compile.compilePrompt(viewer, args),
  }),
)
