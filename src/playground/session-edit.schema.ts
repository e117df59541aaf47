import { builder } from '../graphql/builder.ts'
import { BlockFormatRef, BlockInputRef, BlockRoleRef, ModelConfigInputRef } from '../prompts/prompt-content.schema.ts'
import { PlaygroundSessionRef } from './session.schema.ts'

const EditBlockInputRef = builder.inputType('EditBlockInput', {
  description: 'What is to be changed of a block; what is left out stays.',
  fields: (t) => ({
    name: t.string({ description: 'What people call it; null: nothing.' }),
    role: t.field({ type: BlockRoleRef, description: 'Who speaks.' }),
    format: t.field({ type: BlockFormatRef, description: 'How the content is read.' }),
    content: t.string({ description: 'Its whole text.' }),
    when: t.string({ description: 'Its condition; null or empty: it is always put in.' }),
    enabled: t.boolean({ description: 'False: it is left out.' }),
  }),
})

const sessionId = { required: true, description: "The session's id." } as const
const blockId = { required: true, description: "The block's id." } as const

builder.mutationFields((t) => ({
  editPlaygroundBlock: t.field({
    type: PlaygroundSessionRef,
    description: 'Changes a block of a session. Needs the scope EDIT.',
    args: {
      sessionId: t.arg.id(sessionId),
      blockId: t.arg.id(blockId),
      input: t.arg({ type: EditBlockInputRef, required: true, description: 'What to change.' }),
    },
    resolve: (_, { sessionId, blockId, input }, { services, viewer }) =>
      services.sessions.editBlock(viewer, sessionId, blockId, input),
  }),
  addPlaygroundBlock: t.field({
    type: PlaygroundSessionRef,
    description: 'Adds a block to a session. Needs the scope EDIT.',
    args: {
      sessionId: t.arg.id(sessionId),
      input: t.arg({ type: BlockInputRef, required: true, description: 'The block.' }),
      position: t.arg.int({ description: 'Before which of the blocks, from 0; left out or null: at the end.' }),
    },
    resolve: (_, { sessionId, input, position }, { services, viewer }) =>
      services.sessions.addBlock(viewer, sessionId, input, position ?? null),
  }),
  movePlaygroundBlock: t.field({
    type: PlaygroundSessionRef,
    description: 'Moves a block of a session. Needs the scope EDIT.',
    args: {
      sessionId: t.arg.id(sessionId),
      blockId: t.arg.id(blockId),
      position: t.arg.int({ required: true, description: 'Its place among the blocks afterwards, from 0.' }),
    },
    resolve: (_, { sessionId, blockId, position }, { services, viewer }) =>
      services.sessions.moveBlock(viewer, sessionId, blockId, position),
  }),
  removePlaygroundBlock: t.field({
    type: PlaygroundSessionRef,
    description: 'Removes a block from a session. Needs the scope EDIT.',
    args: { sessionId: t.arg.id(sessionId), blockId: t.arg.id(blockId) },
    resolve: (_, { sessionId, blockId }, { services, viewer }) =>
      services.sessions.removeBlock(viewer, sessionId, blockId),
  }),
  updatePlaygroundVariables: t.field({
    type: PlaygroundSessionRef,
    description: 'Sets the values of all variables of a session. Needs the scope EDIT.',
    args: {
      sessionId: t.arg.id(sessionId),
      variables: t.arg({ type: 'JSON', required: true, description: 'An object by name: all of them.' }),
    },
    resolve: (_, { sessionId, variables }, { services, viewer }) =>
      services.sessions.setVariables(viewer, sessionId, variables),
  }),
  updatePlaygroundModel: t.field({
    type: PlaygroundSessionRef,
    description: 'Sets the model of a session, with its parameters. Needs the scope EDIT.',
    args: {
      sessionId: t.arg.id(sessionId),
      model: t.arg({ type: ModelConfigInputRef, required: true, description: 'The model that is to answer.' }),
    },
    resolve: (_, { sessionId, model }, { services, viewer }) => services.sessions.setModel(viewer, sessionId, model),
  }),
  updatePlaygroundTools: t.field({
    type: PlaygroundSessionRef,
    description:
      'Sets tools, tool choice or response schema of a session; what is left out stays. Needs the scope EDIT.',
    args: {
      sessionId: t.arg.id(sessionId),
      tools: t.arg({ type: 'JSON', description: 'The tools that the model may call; null: none.' }),
      toolChoice: t.arg({ type: 'JSON', description: 'How it is to choose among them; null: as it likes.' }),
      responseSchema: t.arg({ type: 'JSON', description: 'The JSON Schema of its answer; null: none.' }),
    },
    resolve: (_, { sessionId, ...change }, { services, viewer }) =>
      services.sessions.setTools(viewer, sessionId, change),
  }),
}))
