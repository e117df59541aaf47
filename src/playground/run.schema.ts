import { builder } from '../graphql/builder.ts'
import { connectionOf, forwardPageArgs } from '../graphql/connection.ts'
import { describedValues } from '../graphql/described-values.ts'
import { ModelConfigRef } from '../prompts/prompt-content.schema.ts'
import { PromptDiffRef, TextPartRef } from '../prompts/prompt-diff.schema.ts'
import { CostSourceRef, TraceRef } from '../traces/trace.schema.ts'
import type { PlaygroundRun, RunError, RunEvent, RunStatus } from './run.ts'
import type { RunComparison } from './run-comparison.service.ts'
import { PlaygroundSessionRef } from './session.schema.ts'

const statusDescriptions: Record<RunStatus, string> = {
  QUEUED: 'It waits for a worker, or for room among the runs of the tenant.',
  RUNNING: 'The model answers.',
  SUCCEEDED: 'The answer is there.',
  FAILED: 'There is none, or not all of it: see error.',
  CANCELED: 'Somebody has ended it.',
}

const RunStatusRef = builder.enumType('RunStatus', {
  description: 'How a run stands.',
  values: describedValues(statusDescriptions),
})

const RunErrorRef = builder.objectRef<RunError>('RunError').implement({
  description: 'Why a run has failed.',
  fields: (t) => ({
    code: t.exposeString('code', {
      description:
        'PROVIDER_NOT_CONFIGURED, UNAUTHORIZED, UNKNOWN_MODEL, RATE_LIMITED, OVERLOADED, CONTENT_FILTERED, ' +
        'FIRST_BYTE_TIMEOUT, TIMEOUT, STREAM_BROKEN, INVALID_OUTPUT, INVALID_TOOL_ARGUMENTS, BAD_REQUEST, ' +
        'PROVIDER_ERROR, UNREACHABLE, FORBIDDEN_ADDRESS, CANCELED or WORKER_LOST.',
    }),
    message: t.exposeString('message', {
      description: "What went wrong, in the provider's own words where it said any.",
    }),
    retryable: t.exposeBoolean('retryable', { description: 'Whether the same run may succeed when it is made again.' }),
    statusCode: t.exposeInt('statusCode', {
      nullable: true,
      description: "The provider's HTTP status, if it came to one.",
    }),
    retryAfterSeconds: t.exposeFloat('retryAfterSeconds', {
      nullable: true,
      description: 'When to try again, if the provider said so.',
    }),
  }),
})

const RunComparisonRef = builder.objectRef<RunComparison>('RunComparison').implement({
  description: 'A run beside the call that its session was opened from. Numbers are how much more the run took.',
  fields: (t) => ({
    prompt: t.expose('prompt', { type: PromptDiffRef, description: 'From what was opened to what was run.' }),
    output: t.expose('output', {
      type: [TextPartRef],
      description:
        'From what came back then to what came back now. Empty, and every number null, where the run failed or was ' +
        'canceled without an answer.',
    }),
    inputTokens: t.exposeInt('inputTokens', { nullable: true, description: 'Null: not known of both.' }),
    outputTokens: t.exposeInt('outputTokens', { nullable: true, description: 'Null: not known of both.' }),
    cost: t.expose('cost', { type: 'Decimal', nullable: true, description: 'In USD. Null: not known of both.' }),
    durationMs: t.exposeFloat('durationMs', { nullable: true, description: 'Null: not known of both.' }),
  }),
})

export const PlaygroundRunRef = builder.objectRef<PlaygroundRun>('PlaygroundRun').implement({
  description: 'One model call from a session, with what the session said when it was asked for.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Its id, made here: `run_…`. Its trace has the same.' }),
    session: t.field({
      type: PlaygroundSessionRef,
      description: 'The session.',
      resolve: ({ sessionId }, _, { services, viewer }) => services.sessions.getSession(viewer, sessionId),
    }),
    status: t.expose('status', { type: RunStatusRef, description: 'How it stands.' }),
    messages: t.field({ type: 'JSON', description: 'What was sent.', resolve: ({ request }) => request.messages }),
    model: t.field({ type: ModelConfigRef, description: 'To whom.', resolve: ({ request }) => request.model }),
    text: t.exposeString('text', { description: 'What the model said; while it runs and where it failed, so far.' }),
    output: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The answer as JSON, where the session has a response schema.',
      resolve: ({ output }) => output,
    }),
    toolCalls: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The tools that the model wants to call, as OpenAI has them. None is called.',
      resolve: ({ toolCalls }) => toolCalls,
    }),
    inputTokens: t.exposeInt('inputTokens', { nullable: true, description: 'Tokens read, cached ones included.' }),
    outputTokens: t.exposeInt('outputTokens', { nullable: true, description: 'Tokens written, reasoning included.' }),
    totalTokens: t.exposeInt('totalTokens', { nullable: true, description: 'Tokens read and written.' }),
    cachedInputTokens: t.exposeInt('cachedInputTokens', { nullable: true, description: 'Those read from a cache.' }),
    reasoningTokens: t.exposeInt('reasoningTokens', { nullable: true, description: 'Those that were reasoning.' }),
    cost: t.expose('cost', {
      type: 'Decimal',
      nullable: true,
      description: 'In USD, of its tokens. Null: no price list knows the model, or the tokens are unknown.',
    }),
    costSource: t.field({
      type: CostSourceRef,
      description: 'Where the cost comes from.',
      resolve: ({ cost }) => (cost === null ? ('UNPRICED' as const) : ('COMPUTED' as const)),
    }),
    durationMs: t.exposeFloat('durationMs', { nullable: true, description: 'How long the call took.' }),
    timeToFirstTokenMs: t.exposeFloat('timeToFirstTokenMs', {
      nullable: true,
      description: 'How long until the model began to answer.',
    }),
    warnings: t.exposeStringList('warnings', {
      description:
        'What of the request had no place with this provider and was not sent, that an answer was cut, and such.',
    }),
    error: t.expose('error', {
      type: RunErrorRef,
      nullable: true,
      description: 'Why it has failed. Null: it has not.',
    }),
    trace: t.field({
      type: TraceRef,
      nullable: true,
      description: 'The trace that it is recorded as. Null: it is not over, or the trace was deleted.',
      resolve: ({ traceId }, _, { loaders }) => (traceId === null ? null : loaders.traceById.load(traceId)),
    }),
    comparison: t.field({
      type: RunComparisonRef,
      nullable: true,
      extensions: { cost: 400 },
      description: 'Against the call that the session was opened from. Null: it is not over, or there is none.',
      resolve: (run, _, { services, viewer }) => services.runComparisons.compareRun(viewer, run),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was asked for.' }),
    finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true, description: 'When it was over.' }),
  }),
})

const PlaygroundRunConnectionRef = connectionOf(PlaygroundRunRef, { many: 'runs' })

builder.objectField(PlaygroundSessionRef, 'runs', (t) =>
  t.field({
    type: PlaygroundRunConnectionRef,
    description: 'Its runs, newest first.',
    args: { ...forwardPageArgs },
    resolve: (session, page, { services, viewer }) => services.runs.listRuns(viewer, session, page),
  }),
)

builder.objectField(TraceRef, 'playgroundRun', (t) =>
  t.field({
    type: PlaygroundRunRef,
    nullable: true,
    description: 'The run of the playground that it records. Null: it records none, or the run was deleted.',
    resolve: ({ id }, _, { loaders }) => (id.startsWith('run_') ? loaders.runById.load(id) : null),
  }),
)

const PlaygroundRunEventRef = builder.objectRef<RunEvent>('PlaygroundRunEvent').implement({
  description: 'What a model says while it says it.',
  fields: (t) => ({
    run: t.field({
      type: PlaygroundRunRef,
      description: 'The run as it is now.',
      resolve: ({ runId }, _, { services, viewer }) => services.runs.getRun(viewer, runId),
    }),
    offset: t.exposeInt('offset', { description: 'Where in the text delta begins, in UTF-16 units.' }),
    delta: t.exposeString('delta', { description: 'What came; in the first event, all of the text so far.' }),
    done: t.exposeBoolean('done', { description: 'Whether it was the last.' }),
  }),
})

builder.queryField('playgroundRun', (t) =>
  t.field({
    type: PlaygroundRunRef,
    nullable: true,
    description: 'The run with that id; null where the tenant has none. Needs the scope READ.',
    args: { id: t.arg.id({ required: true, description: "The run's id." }) },
    resolve: (_, { id }, { loaders }) => loaders.runById.load(id),
  }),
)

builder.mutationFields((t) => ({
  runPlayground: t.field({
    type: PlaygroundRunRef,
    description:
      'Calls the model with what the session says now. It is answered at once; watch the run with playgroundRunEvents, ' +
      'or ask for it. Whatever goes wrong with the call is its error. Needs the scope RUN.',
    args: { sessionId: t.arg.id({ required: true, description: "The session's id." }) },
    resolve: (_, { sessionId }, { services, viewer }) => services.runs.startRun(viewer, sessionId),
  }),
  cancelPlaygroundRun: t.field({
    type: PlaygroundRunRef,
    description:
      'Ends a run: the request to the provider is given up, and what was said is kept. One that is over stays as it is. ' +
      'It is answered once the run has ended, CANCELED in general; where that takes more than two seconds, as it is ' +
      'then. Needs the scope RUN.',
    args: { runId: t.arg.id({ required: true, description: "The run's id." }) },
    resolve: (_, { runId }, { services, viewer }) => services.runs.cancelRun(viewer, runId),
  }),
}))

builder.subscriptionField('playgroundRunEvents', (t) =>
  t.field({
    type: PlaygroundRunEventRef,
    description:
      'First the text so far, then each piece as it comes, at whichever process; it ends with the run. Needs the scope ' +
      'READ.',
    args: { runId: t.arg.id({ required: true, description: "The run's id." }) },
    subscribe: (_, { runId }, { services, viewer }) => services.runs.watchRun(viewer, runId),
    resolve: (event) => event,
  }),
)
