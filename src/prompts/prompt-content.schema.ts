import { builder } from '../graphql/builder.ts'
import { describedValues } from '../graphql/described-values.ts'
import type {
  BlockFormat,
  BlockRole,
  ModelConfig,
  PromptBlock,
  PromptContent,
  PromptVariable,
} from './prompt-content.ts'

const roleDescriptions: Record<BlockRole, string> = {
  SYSTEM: 'Instructions.',
  USER: 'What the user says.',
  ASSISTANT: 'What the model said, or should have said.',
  TOOL: 'What a tool gave back.',
}

export const BlockRoleRef = builder.enumType('BlockRole', {
  description: 'Who speaks in a message.',
  values: describedValues(roleDescriptions),
})

const formatDescriptions: Record<BlockFormat, string> = {
  TEXT: 'The content is the text of the message.',
  JSON:
    'The content is JSON, for messages that are no text. A list is the content of the message in parts; an object has ' +
    "the message's members: `tool_calls`, `tool_call_id` and such, and a `role` that goes before the block's. Its " +
    'strings are templates.',
}

export const BlockFormatRef = builder.enumType('BlockFormat', {
  description: 'How the content of a block is read.',
  values: describedValues(formatDescriptions),
})

const templates =
  'A placeholder `{{ customer.name }}` is replaced by what is found there in the variables: texts as they are, lists ' +
  'and objects as JSON, what isn\'t there by nothing. `{{ "{{" }}` stands for `{{` itself.'

const conditions =
  'A condition over the variables, in CEL (https://cel.dev), up to 2,000 characters: `tier == "gold" && size(items) > 2`.'

export const PromptBlockRef = builder.objectRef<PromptBlock>('PromptBlock').implement({
  description: 'A message of a prompt, where it is put in.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Unique in its prompt, and the same for as long as the block lives.' }),
    name: t.exposeString('name', { nullable: true, description: 'What people call it.' }),
    role: t.expose('role', { type: BlockRoleRef, description: 'Who speaks.' }),
    format: t.expose('format', { type: BlockFormatRef, description: 'How the content is read.' }),
    content: t.exposeString('content', { description: `Its text. ${templates}` }),
    when: t.exposeString('when', {
      nullable: true,
      description: `${conditions} Where it doesn't hold, the block is left out. Null: it is always put in.`,
    }),
    enabled: t.exposeBoolean('enabled', { description: 'False: it is left out, whatever the condition says.' }),
  }),
})

const PromptVariableRef = builder.objectRef<PromptVariable>('PromptVariable').implement({
  description: 'A variable that the prompt declares. Others may be used, too: they are never required.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name, as placeholders and conditions use it.' }),
    description: t.exposeString('description', { nullable: true, description: 'What it is for.' }),
    required: t.exposeBoolean('required', {
      description: 'Whether compiling is refused where it is not given and has no default.',
    }),
    default: t.field({
      type: 'JSON',
      nullable: true,
      description: 'What it is where it is not given, or null.',
      resolve: (variable) => variable.default,
    }),
  }),
})

export const ModelConfigRef = builder.objectRef<ModelConfig>('ModelConfig').implement({
  description: 'The model that is to answer.',
  fields: (t) => ({
    provider: t.exposeString('provider', { description: 'Who answers: `openai`, `anthropic`.' }),
    name: t.exposeString('name', { description: 'Its name, as the provider calls it: `gpt-4o`.' }),
    parameters: t.field({
      type: 'JSON',
      nullable: true,
      description: 'Temperature and such, as an object.',
      resolve: ({ parameters }) => parameters,
    }),
  }),
})

export const PromptContentRef = builder.objectRef<PromptContent>('PromptContent').implement({
  description: 'What a prompt says, and what it asks of a model.',
  fields: (t) => ({
    blocks: t.expose('blocks', { type: [PromptBlockRef], description: 'Its messages, in their order.' }),
    variables: t.expose('variables', { type: [PromptVariableRef], description: 'The variables that it declares.' }),
    model: t.expose('model', {
      type: ModelConfigRef,
      nullable: true,
      description: 'The model that is to answer. Null: whoever calls decides.',
    }),
    tools: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The tools that the model may call, as given.',
      resolve: ({ tools }) => tools,
    }),
    toolChoice: t.field({
      type: 'JSON',
      nullable: true,
      description: 'How it is to choose among them, as given.',
      resolve: ({ toolChoice }) => toolChoice,
    }),
    responseSchema: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The JSON Schema that answers must meet.',
      resolve: ({ responseSchema }) => responseSchema,
    }),
  }),
})

export const BlockInputRef = builder.inputType('BlockInput', {
  description: 'A message of a prompt.',
  fields: (t) => ({
    id: t.id({
      description:
        'Its id: 1 to 100 letters, digits, "_", ".", ":" or "-". Give the one that it was read with, so that it stays ' +
        'the same block. Left out: made of the name, or else the role.',
    }),
    name: t.string({ description: 'What people call it, up to 200 characters.' }),
    role: t.field({ type: BlockRoleRef, required: true, description: 'Who speaks.' }),
    format: t.field({
      type: BlockFormatRef,
      description:
        'How the content is read. Left out or null: where updatePromptDraft writes a block that is in the draft already ' +
        '(by its id), as it was, unless it was JSON and the content now begins with none of `[`, `{` and `"`, or with ' +
        '`{{`; otherwise TEXT.',
    }),
    content: t.string({ required: true, description: `Its text. ${templates}` }),
    when: t.string({ description: `${conditions} Left out, null or empty: it is always put in.` }),
    enabled: t.boolean({ defaultValue: true, description: 'False: it is left out, whatever the condition says.' }),
  }),
})

const PromptVariableInputRef = builder.inputType('PromptVariableInput', {
  description: 'A variable to declare.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'Its name: up to 100 letters, digits or "_", and no digit first.' }),
    description: t.string({ description: 'What it is for, up to 2,000 characters.' }),
    required: t.boolean({
      defaultValue: false,
      description: 'Whether compiling is refused where it is not given and has no default.',
    }),
    default: t.field({ type: 'JSON', description: 'What it is where it is not given, or null.' }),
  }),
})

export const ModelConfigInputRef = builder.inputType('ModelConfigInput', {
  description: 'The model that is to answer.',
  fields: (t) => ({
    provider: t.string({ required: true, description: 'Who answers, 1 to 200 characters: `openai`, `anthropic`.' }),
    name: t.string({ required: true, description: 'Its name, as the provider calls it, 1 to 200 characters.' }),
    parameters: t.field({ type: 'JSON', description: 'Temperature and such, as an object.' }),
  }),
})

export const PromptContentInputRef = builder.inputType('PromptContentInput', {
  description:
    'The whole content of a prompt, up to 500,000 characters as JSON and 20,000 values. What is left out is not there: it is not what ' +
    'was there before.',
  fields: (t) => ({
    blocks: t.field({ type: [BlockInputRef], required: true, description: 'Its messages, in their order; up to 500.' }),
    variables: t.field({ type: [PromptVariableInputRef], description: 'The variables that it declares; up to 500.' }),
    model: t.field({ type: ModelConfigInputRef, description: 'The model that is to answer.' }),
    tools: t.field({
      type: 'JSON',
      description:
        'The tools that the model may call, kept as they are: a list of objects, or an object that has them by name.',
    }),
    toolChoice: t.field({
      type: 'JSON',
      description: 'How it is to choose among them, a text or an object, kept as it is.',
    }),
    responseSchema: t.field({
      type: 'JSON',
      description: 'The JSON Schema that answers must meet, an object, kept as it is.',
    }),
  }),
})
