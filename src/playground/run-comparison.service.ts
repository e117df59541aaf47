import type { PromptContent } from '../prompts/prompt-content.ts'
import { diffContents, type PromptDiff } from '../prompts/prompt-diff.ts'
import type { TextPart } from '../prompts/text-diff.ts'
import { requireScope, type Viewer } from '../tenants/viewer.ts'
import type { SpanRepository } from '../traces/span.repository.ts'
import type { SpanContentRepository } from '../traces/span-content.repository.ts'
import type { TraceRepository } from '../traces/trace.repository.ts'
import type { Course } from '../traces/trace.ts'
import type { TraceContentRepository } from '../traces/trace-content.repository.ts'
import { inTurns } from '../turns.ts'
import { decimalDifferenceOf, differenceOf, diffOutputs } from './output-diff.ts'
import { isFinished, type PlaygroundRun } from './run.ts'
import type { SessionRepository } from './session.repository.ts'
import type { PlaygroundSession } from './session.ts'

/** A run beside the call that its session was opened from: what is more is positive. */
export interface RunComparison {
  prompt: PromptDiff
  output: TextPart[]
  inputTokens: number | null
  outputTokens: number | null
  cost: string | null
  durationMs: number | null
}

interface Dependencies {
  sessions: Pick<SessionRepository, 'findSessions'>
  traces: Pick<TraceRepository, 'findTraces'>
  traceContents: TraceContentRepository
  spans: Pick<SpanRepository, 'findSpans'>
  spanContents: SpanContentRepository
}

export function createRunComparisonService(dependencies: Dependencies) {
  const { sessions, traces, traceContents, spans, spanContents } = dependencies

  /** The call as it was recorded: its course and what came back. Null: there is none, or it is gone. */
  async function findOriginal(
    tenantId: string,
    { traceId, spanId }: PlaygroundSession,
  ): Promise<{ course: Course; output: unknown } | null> {
    if (traceId === null) return null
    if (spanId === null) {
      const [course] = await traces.findTraces(tenantId, [traceId])
      const found = (await traceContents.findContents(tenantId, [traceId], ['output'])).get(traceId)
      return course ? { course, output: found?.output ? JSON.parse(found.output.text) : null } : null
    }
    const [course] = await spans.findSpans(tenantId, [{ traceId, spanId }])
    const [found] = await spanContents.findContents(tenantId, [{ traceId, spanId, fields: new Set(['output']) }])
    return course ? { course, output: found?.output ? JSON.parse(found.output.text) : null } : null
  }

  return {
    async compareRun(viewer: Viewer, run: PlaygroundRun): Promise<RunComparison | null> {
      requireScope(viewer, 'READ')
      if (!isFinished(run.status)) return null
      const [session] = await sessions.findSessions(viewer.tenantId, [run.sessionId])
      const original = session ? await findOriginal(viewer.tenantId, session) : null
      if (!session || !original) return null
      const { course, output } = original
      const { content } = run.request.manifest as { content: PromptContent }
      const answer = run.toolCalls === null ? run.text : { text: run.text, toolCalls: run.toolCalls }
      const diffPrompts = () => diffContents(session.base, content, { before: 'as opened', after: 'as run' })
      if (hasNoAnswer(run)) return inTurns(() => ({ prompt: diffPrompts(), ...nothing }))
      return inTurns(() => ({
        prompt: diffPrompts(),
        output: diffOutputs(output, answer),
        inputTokens: differenceOf(course.inputTokens, run.inputTokens),
        outputTokens: differenceOf(course.outputTokens, run.outputTokens),
        cost: decimalDifferenceOf(course.cost, run.cost),
        durationMs: differenceOf(course.durationMs, run.durationMs),
      }))
    },
  }
}

const nothing = { output: [], inputTokens: null, outputTokens: null, cost: null, durationMs: null }

/** Such a run says nothing of the prompt: it may never have reached its provider. One that succeeded has answered. */
function hasNoAnswer({ status, text, output, toolCalls }: PlaygroundRun): boolean {
  return status !== 'SUCCEEDED' && text === '' && output === null && toolCalls === null
}
