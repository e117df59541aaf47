import { builder } from '../graphql/builder.ts'
import { describedValues } from '../graphql/described-values.ts'
import { PromptRef } from './prompt.schema.ts'
import { PromptBlockRef } from './prompt-content.schema.ts'
import type { BlockDiff, PromptDiff } from './prompt-diff.ts'
import { PromptSelectorRef } from './prompt-version.schema.ts'
import type { TextPart } from './text-diff.ts'
import type { ValueDiff } from './value-diff.ts'

const changeDescriptions: Record<BlockDiff['change'], string> = {
  ADDED: 'It is there after, and was not before.',
  REMOVED: 'It was there before, and is not after.',
  CHANGED: 'It is another one after.',
  MOVED: 'It is the same, at another place among the others.',
  UNCHANGED: 'It is the same.',
}

const ChangeRef = builder.enumType('Change', {
  description: 'What became of something.',
  values: describedValues(changeDescriptions),
})

const partDescriptions: Record<TextPart['kind'], string> = {
  EQUAL: 'In both.',
  INSERTED: 'Only after.',
  DELETED: 'Only before.',
}

const TextPartKindRef = builder.enumType('TextPartKind', {
  description: 'On which side a part of a text stands.',
  values: describedValues(partDescriptions),
})

export const TextPartRef = builder.objectRef<TextPart>('TextPart').implement({
  description:
    'A piece of a text that changed. All but the inserted are what was before, all but the deleted what is after.',
  fields: (t) => ({
    kind: t.expose('kind', { type: TextPartKindRef, description: 'On which side it stands.' }),
    text: t.exposeString('text', { description: 'The piece: whole words, or in texts that are very long, lines.' }),
  }),
})

const BlockDiffRef = builder.objectRef<BlockDiff>('BlockDiff').implement({
  description: 'What became of a block.',
  fields: (t) => ({
    blockId: t.exposeID('blockId', { description: 'Its id, which is the same before and after.' }),
    change: t.expose('change', { type: ChangeRef, description: 'What became of it. CHANGED, where it also moved.' }),
    moved: t.exposeBoolean('moved', { description: 'Whether its place among the others is another one.' }),
    before: t.expose('before', {
      type: PromptBlockRef,
      nullable: true,
      description: 'Before. Null: it was not there.',
    }),
    after: t.expose('after', { type: PromptBlockRef, nullable: true, description: 'After. Null: it is not there.' }),
    parts: t.expose('parts', { type: [TextPartRef], description: 'Its content, word by word.' }),
  }),
})

const ValueDiffRef = builder.objectRef<ValueDiff>('ValueDiff').implement({
  description: 'What became of a value.',
  fields: (t) => ({
    path: t.exposeString('path', { description: 'Where it is: `model.parameters.temperature`, `tools.search.name`.' }),
    change: t.expose('change', { type: ChangeRef, description: 'What became of it.' }),
    before: t.field({
      type: 'JSON',
      nullable: true,
      description: 'Before. For a list whose items moved: their names in the old order.',
      resolve: ({ before }) => before,
    }),
    after: t.field({
      type: 'JSON',
      nullable: true,
      description: 'After. For a list whose items moved: their names in the new order.',
      resolve: ({ after }) => after,
    }),
  }),
})

export const PromptDiffRef = builder.objectRef<PromptDiff>('PromptDiff').implement({
  description: 'How two contents differ.',
  fields: (t) => ({
    identical: t.exposeBoolean('identical', { description: 'Whether they say the same.' }),
    blocks: t.expose('blocks', {
      type: [BlockDiffRef],
      description: 'Every block of either, in the order of those after; removed ones where they stood.',
    }),
    variables: t.expose('variables', { type: [ValueDiffRef], description: 'What became of the declared variables.' }),
    model: t.expose('model', { type: [ValueDiffRef], description: 'What became of the model and its parameters.' }),
    tools: t.expose('tools', {
      type: [ValueDiffRef],
      description: 'What became of tools, tool choice and response schema: `tools…`, `toolChoice…`, `responseSchema…`.',
    }),
    unified: t.exposeString('unified', {
      description: 'All of it as one unified diff, for people and models to read. Empty where they are identical.',
    }),
  }),
})

builder.objectField(PromptRef, 'diff', (t) =>
  t.field({
    type: PromptDiffRef,
    extensions: { cost: 2_000 },
    description: 'How two of its contents differ.',
    args: {
      from: t.arg({ type: PromptSelectorRef, required: true, description: 'What is before.' }),
      to: t.arg({ type: PromptSelectorRef, required: true, description: 'What is after.' }),
    },
    resolve: (prompt, args, { services, viewer }) => services.promptDiffs.diffPrompt(viewer, prompt, args),
  }),
)
