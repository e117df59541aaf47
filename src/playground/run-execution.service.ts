import { cleanJson, cleanText } from '../clean.ts'
import type { Patience } from '../infra/patience.ts'
import type { JobContract } from '../job.ts'
import { type ModelAnswer, ModelCallError, type ModelGateway } from '../models/model-call.ts'
import type { TraceUse } from '../prompts/prompt-use.ts'
import type { PricedCall } from '../traces/model-price.ts'
import { runPlayground } from './playground.jobs.ts'
import type { ProviderService } from './provider.service.ts'
import type { ClaimedRun, RunKey, RunRepository } from './run.repository.ts'
import {
  beatEveryMs,
  cancelTopic,
  lostAfterMs,
  type PlaygroundRun,
  type RunError,
  type RunResult,
  type RunStatus,
  runTopic,
  workerLost,
} from './run.ts'
import { createRunText } from './run-text.ts'
import type { RunTraceService } from './run-trace.service.ts'

interface Dependencies {
  runs: RunRepository
  gateway: ModelGateway
  providers: Pick<ProviderService, 'findForCall'>
  prices: { computeCosts(tenantId: string, calls: readonly PricedCall[]): Promise<(string | null)[]> }
  traces: Pick<RunTraceService, 'recordTrace'>
  traceUse: Pick<TraceUse, 'hasTrace'>
  queue: {
    add<Payload>(
      job: JobContract<Payload>,
      payload: Payload,
      options?: { id?: string; againIfActive?: boolean },
    ): Promise<void>
  }
  bus: { listen(topic: string, onWake: () => void): () => void; wake(topic: string): void }
  /** How many of a tenant's runs there may be at once; others wait. */
  mostRuns: number
  patiently: Patience
  onError: (error: unknown) => void
}

/** Waited for so long, a run is put into the queue again. */
const forgottenAfterMs = 20_000
const forgottenAtOnce = 10
const keepTryingMs = 600_000

/**
 * A run is claimed by a conditional update: who gets it makes the call, and nobody else ever does. Its worker says
 * every few seconds that it is alive; a sweep ends the runs of those that are silent. What was said is kept in every case.
 */
export function createRunExecution(dependencies: Dependencies) {
  const { runs, gateway, providers, prices, traces, traceUse, queue, bus, mostRuns, patiently, onError } = dependencies

  /** What came of a trace that was deleted meanwhile goes with it. */
  async function mayStay({ tenantId, runId }: RunKey, openedFrom: string | null): Promise<boolean> {
    if (openedFrom === null) return true
    const [still] = await runs.findRuns(tenantId, [runId])
    return still !== undefined || traceUse.hasTrace(tenantId, openedFrom)
  }

  async function execute(key: RunKey, { openedFrom, ...run }: ClaimedRun, signal: AbortSignal): Promise<void> {
    const topic = runTopic(key.tenantId, key.runId)
    bus.wake(topic)
    const cancel = new AbortController()
    const watch = watchForCancel(key, cancel)
    const text = createRunText(async (offset, piece) => {
      await patiently(signal, () => runs.appendText(key, offset, cleanText(piece), new Date()))
      bus.wake(topic)
    })
    const started = performance.now()
    const stopping = AbortSignal.any([signal, cancel.signal])
    const { answer, error } = await call(run, key.tenantId, stopping, text.add).finally(watch.end)
    const durationMs = Math.round(performance.now() - started)
    await text.end().catch(onError)
    const status = statusOf(error, cancel.signal)
    const told = status === 'FAILED' && signal.aborted ? workerLost : error
    // What was answered may have been paid for: it is kept as soon as the database is back.
    const given = AbortSignal.timeout(keepTryingMs)
    const came = { answer, durationMs, said: text.whole(), error: told }
    const result = await patiently(given, () => resultOf(key.tenantId, run, came))
    if (!(await patiently(given, () => mayStay(key, openedFrom)))) return bus.wake(topic)
    const now = new Date()
    const ended = { ...run, ...result, status, finishedAt: now }
    const traceId = await patiently(given, () => traces.recordTrace(key.tenantId, ended)).catch((failure) => {
      onError(failure)
      return null
    })
    await patiently(given, () => runs.finishRun(key, { status, result, traceId, now }))
    bus.wake(topic)
  }

  async function call(
    { request }: PlaygroundRun,
    tenantId: string,
    signal: AbortSignal,
    onText: (delta: string) => void,
  ): Promise<{ answer: Partial<ModelAnswer>; error: RunError | null }> {
    const { model, messages, tools, toolChoice, responseSchema } = request
    try {
      const provider = await patiently(signal, () => providers.findForCall(tenantId, model.provider))
      if (!provider) throw notConfigured(model.provider)
      const parameters = (model.parameters ?? null) as Record<string, unknown> | null
      const asked = { provider, model: model.name, messages, parameters, tools, toolChoice, responseSchema }
      return { answer: await gateway.call(asked, { signal, onText }), error: null }
    } catch (error) {
      if (!(error instanceof ModelCallError)) onError(error)
      const failure = error instanceof ModelCallError ? error : signal.aborted ? canceled : notCalled
      const { code, message, retryable, statusCode, retryAfterSeconds, partial } = failure
      return { answer: partial, error: { code, message: cleanText(message), retryable, statusCode, retryAfterSeconds } }
    }
  }

  function watchForCancel(key: RunKey, cancel: AbortController): { end(): void } {
    const look = () =>
      runs.beat(key, new Date()).then(({ isCanceled }) => {
        if (isCanceled) cancel.abort()
      }, onError)
    const stopListening = bus.listen(cancelTopic(key.tenantId, key.runId), look)
    const timer = setInterval(look, beatEveryMs)
    return {
      end() {
        clearInterval(timer)
        stopListening()
      },
    }
  }

  async function resultOf(
    tenantId: string,
    { request, createdAt }: PlaygroundRun,
    {
      answer,
      durationMs,
      said,
      error,
    }: { answer: Partial<ModelAnswer>; durationMs: number; said: string; error: RunError | null },
  ): Promise<RunResult> {
    const { inputTokens = null, outputTokens = null, cachedInputTokens = null, reasoningTokens = null } = answer
    const { provider, name: model } = request.model
    const tokens = { inputTokens, outputTokens, cachedInputTokens, reasoningTokens }
    const [cost = null] = await prices.computeCosts(tenantId, [{ provider, model, at: createdAt, ...tokens }])
    return {
      text: cleanText(answer.text ?? said),
      output: cleanJson(answer.output ?? null),
      toolCalls: cleanJson(answer.toolCalls ?? null),
      ...tokens,
      totalTokens: answer.totalTokens ?? null,
      cost,
      durationMs,
      timeToFirstTokenMs: answer.timeToFirstTokenMs ?? null,
      warnings: (answer.warnings ?? []).map(cleanText),
      error,
    }
  }

  /** Those that waited for room. */
  async function enqueueWaiting(tenantId: string): Promise<void> {
    for (const runId of await runs.listWaiting(tenantId, mostRuns)) {
      // Its own job may be ending just now, having seen no room.
      await queue.add(runPlayground, { tenantId, runId }, { id: runId, againIfActive: true })
    }
  }

  async function recordLost(key: RunKey): Promise<void> {
    const [run] = await runs.findRuns(key.tenantId, [key.runId])
    const traceId = run ? await traces.recordTrace(key.tenantId, run) : null
    if (traceId !== null) await runs.storeTrace(key, traceId)
  }

  return {
    async run(key: RunKey, signal: AbortSignal): Promise<void> {
      const run = await runs.claimRun(key, mostRuns, new Date())
      if (!run) return
      try {
        await execute(key, run, signal)
      } finally {
        await enqueueWaiting(key.tenantId).catch(onError)
      }
    },

    async sweep(): Promise<void> {
      const now = Date.now()
      const lost = await runs.finishLost(new Date(now - lostAfterMs), workerLost, new Date(now))
      for (const key of lost) {
        bus.wake(runTopic(key.tenantId, key.runId))
        await recordLost(key).catch(onError)
        await enqueueWaiting(key.tenantId).catch(onError)
      }
      for (const key of await runs.listForgotten(new Date(now - forgottenAfterMs), forgottenAtOnce)) {
        await queue.add(runPlayground, key, { id: key.runId })
      }
    },
  }
}

function statusOf(error: RunError | null, cancel: AbortSignal): RunStatus {
  if (error === null) return 'SUCCEEDED'
  return error.code === 'CANCELED' && cancel.aborted ? 'CANCELED' : 'FAILED'
}

const canceled = new ModelCallError('CANCELED', 'The call was canceled.')
const notCalled = new ModelCallError('PROVIDER_ERROR', 'The call failed here, not at the provider; the log says why.')

function notConfigured(name: string): ModelCallError {
  return new ModelCallError(
    'PROVIDER_NOT_CONFIGURED',
    `There is no provider "${name}". Set it with setProvider, or choose one of those that the query providers lists; "demo" is always there.`,
  )
}
