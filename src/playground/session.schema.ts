import { NotFoundError } from '../errors.ts'
import { builder } from '../graphql/builder.ts'
import { connectionOf, forwardPageArgs } from '../graphql/connection.ts'
import { describedValues } from '../graphql/described-values.ts'
import { CompiledPromptRef } from '../prompts/compile.schema.ts'
import { PromptRef } from '../prompts/prompt.schema.ts'
import { PromptContentRef } from '../prompts/prompt-content.schema.ts'
import { PromptDiffRef } from '../prompts/prompt-diff.schema.ts'
import { PromptDraftRef } from '../prompts/prompt-draft.schema.ts'
import { PromptSelectorRef } from '../prompts/prompt-version.schema.ts'
import { SpanRef } from '../traces/span.schema.ts'
import { TraceRef } from '../traces/trace.schema.ts'
import type { PlaygroundSession, SessionOrigin } from './session.ts'

const originDescriptions: Record<SessionOrigin, string> = {
  VERSION: 'The version, or the draft, that its trace was made with, known by the etag.',
  MANIFEST: 'What the trace recorded of its prompt: nobody knows the etag.',
  MESSAGES: 'The messages that were recorded: what the prompt said then is not known, or is not what was sent.',
  PROMPT: 'A prompt: there is no trace.',
}

const SessionOriginRef = builder.enumType('SessionOrigin', {
  description: 'What the blocks of a session come from.',
  values: describedValues(originDescriptions),
})

export const PlaygroundSessionRef = builder.objectRef<PlaygroundSession>('PlaygroundSession').implement({
  description: 'A working copy of a prompt, or of a recorded call, to be edited and run.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Its id, made here: `ps_…`.' }),
    trace: t.field({
      type: TraceRef,
      nullable: true,
      description: 'The trace that it was opened from. Null: it was opened from a prompt, or the trace is deleted.',
      resolve: ({ traceId }, _, { loaders }) => (traceId === null ? null : loaders.traceById.load(traceId)),
    }),
    span: t.field({
      type: SpanRef,
      nullable: true,
      description: 'The span of that trace that it was opened from. Null: the trace as a whole.',
      resolve: ({ traceId, spanId }, _, { loaders }) =>
        traceId === null || spanId === null ? null : loaders.spanById.load({ traceId, spanId }),
    }),
    prompt: t.field({
      type: PromptRef,
      nullable: true,
      description: 'The prompt that it is saved to. Null: saving makes one; where it was deleted, too.',
      resolve: ({ promptId }, _, { loaders }) =>
        promptId === null ? null : loaders.promptById.load(promptId).catch(nullWhereGone),
    }),
    origin: t.expose('origin', { type: SessionOriginRef, description: 'What its blocks come from.' }),
    base: t.expose('base', { type: PromptContentRef, description: 'The content as it was opened.' }),
    content: t.expose('content', { type: PromptContentRef, description: 'The content as it is edited.' }),
    recordedBlockIds: t.exposeStringList('recordedIds', {
      description:
        "Blocks that were sent in the call and are not the prompt's: the conversation that followed it. They are sent " +
        'again, and are not saved.',
    }),
    variables: t.field({
      type: 'JSON',
      description: 'The values of variables, by name.',
      resolve: ({ variables }) => variables,
    }),
    revision: t.exposeInt('revision', { description: 'Goes up with every edit.' }),
    compiled: t.field({
      type: CompiledPromptRef,
      description: 'What would be sent. Required variables that are missing are told, and left empty.',
      resolve: (session, _, { services, viewer }) => services.sessions.compileLeniently(viewer, session),
    }),
    diff: t.field({
      type: PromptDiffRef,
      description:
        'What was edited since it was opened: values of variables, too, among its `variables`, at `values.…`.',
      resolve: (session, _, { services, viewer }) => services.sessions.diffSession(viewer, session),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was opened.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last edited.' }),
  }),
})

function nullWhereGone(error: unknown): null {
  if (error instanceof NotFoundError) return null
  throw error
}

const PlaygroundSessionConnectionRef = connectionOf(PlaygroundSessionRef, { many: 'sessions' })

builder.objectField(TraceRef, 'playgroundSessions', (t) =>
  t.field({
    type: PlaygroundSessionConnectionRef,
    description: 'The sessions that were opened from it, newest first.',
    args: { ...forwardPageArgs },
    resolve: ({ id: traceId }, page, { services, viewer }) =>
      services.sessions.listSessions(viewer, { ...page, traceId }),
  }),
)

const CreatePlaygroundSessionInputRef = builder.inputType('CreatePlaygroundSessionInput', {
  description: 'What to open: a trace, one of its spans, or a prompt.',
  fields: (t) => ({
    traceId: t.id({ description: 'The trace.' }),
    spanId: t.id({ description: 'With a trace: the model call within it.' }),
    promptName: t.string({ description: 'The prompt, without a trace.' }),
    selector: t.field({ type: PromptSelectorRef, description: 'With a prompt: which content; left out: production.' }),
  }),
})

builder.queryFields((t) => ({
  playgroundSessions: t.field({
    type: PlaygroundSessionConnectionRef,
    description: 'The sessions of the tenant, newest first. Needs the scope READ.',
    args: {
      ...forwardPageArgs,
      traceId: t.arg.id({ description: 'Only those that were opened from this trace.' }),
      promptName: t.arg.string({ description: 'Only those of this prompt.' }),
    },
    resolve: (_, query, { services, viewer }) => services.sessions.listSessions(viewer, query),
  }),
  playgroundSession: t.field({
    type: PlaygroundSessionRef,
    nullable: true,
    description: 'The session with that id; null where the tenant has none. Needs the scope READ.',
    args: { id: t.arg.id({ required: true, description: "The session's id." }) },
    resolve: (_, { id }, { loaders }) => loaders.sessionById.load(id),
  }),
}))

const sessionId = { required: true, description: "The session's id." } as const

builder.mutationFields((t) => ({
  createPlaygroundSession: t.field({
    type: PlaygroundSessionRef,
    description:
      'Opens a session with all that was in a call: blocks, variables, model, tools, response schema. Compiled ' +
      'unchanged, it gives the recorded messages back. Needs the scope EDIT.',
    args: { input: t.arg({ type: CreatePlaygroundSessionInputRef, required: true, description: 'What to open.' }) },
    resolve: (_, { input }, { services, viewer }) => services.sessionOpening.openSession(viewer, input),
  }),
  compilePlayground: t.field({
    type: CompiledPromptRef,
    description:
      'What would be sent. INVALID_INPUT names all required variables that are missing. Needs the scope READ.',
    args: { sessionId: t.arg.id(sessionId) },
    resolve: (_, { sessionId }, { services, viewer }) => services.sessions.compileSession(viewer, sessionId),
  }),
  savePlayground: t.field({
    type: PromptDraftRef,
    description:
      "Writes the session's content, all but the blocks that were only recorded, into the draft of its prompt; without a " +
      'prompt, makes one. STALE_REVISION where the draft has moved on since the session was opened, or had changes then ' +
      'that neither the session nor a version has: open it again, or pass its revision. Needs the scope EDIT.',
    args: {
      sessionId: t.arg.id(sessionId),
      expectedRevision: t.arg.int({ description: 'The revision of the draft that may be overwritten.' }),
    },
    resolve: (_, { sessionId, expectedRevision }, { services, viewer }) =>
      services.sessions.saveSession(viewer, sessionId, expectedRevision),
  }),
  deletePlaygroundSession: t.boolean({
    description: 'Removes a session and its runs. The traces of its runs stay. Needs the scope EDIT.',
    args: { sessionId: t.arg.id(sessionId) },
    resolve: (_, { sessionId }, { services, viewer }) => services.sessions.deleteSession(viewer, sessionId),
  }),
}))
