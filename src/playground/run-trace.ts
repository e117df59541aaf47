import type { PlaygroundRun } from './run.ts'
import type { PlaygroundSession } from './session.ts'

/** A run as a client would send it: a trace of its own, which has the run's id. */
export function traceOfRun(run: PlaygroundRun, session: PlaygroundSession | null): Record<string, unknown> {
  const { id, request, status, text, output, toolCalls, error, startedAt, finishedAt, timeToFirstTokenMs } = run
  const { model, messages, tools, toolChoice, manifest, variables } = request
  const { inputTokens, outputTokens, totalTokens, cachedInputTokens, reasoningTokens, durationMs } = run
  const hasFailed = status === 'FAILED'
  const playground = { sessionId: run.sessionId, runId: id, traceId: session?.traceId ?? null, timeToFirstTokenMs }
  return {
    id,
    name: 'playground run',
    ...(manifest.prompt !== null && { promptName: manifest.prompt }),
    etag: manifest.etag,
    manifest,
    variables,
    messages,
    model: model.name,
    provider: model.provider,
    ...(model.parameters !== null && { modelConfig: model.parameters }),
    ...(tools !== null && { tools }),
    ...(toolChoice !== null && { toolChoice }),
    output: toolCalls === null ? (output ?? text) : { role: 'assistant', content: text, tool_calls: toolCalls },
    status: hasFailed ? 'FAILED' : 'COMPLETED',
    ...(hasFailed && { errorMessage: error ? `${error.code}: ${error.message}` : status }),
    ...(status === 'CANCELED' && { outcome: 'canceled' }),
    startedAt: startedAt?.toISOString(),
    endedAt: finishedAt?.toISOString(),
    durationMs,
    ...known({ inputTokens, outputTokens, totalTokens, cachedInputTokens, reasoningTokens }),
    tags: ['playground'],
    metadata: { playground },
  }
}

function known(counts: Record<string, number | null>): Record<string, number | null> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== null))
}
