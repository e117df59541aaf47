import type { TokenCounts } from '../models/model-call.ts'
import type { Manifest } from '../prompts/manifest.ts'
import type { ModelConfig } from '../prompts/prompt-content.ts'

export const runStatuses = ['QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED'] as const
export type RunStatus = (typeof runStatuses)[number]

/** What is sent, as the session said it when the run was asked for: later edits change nothing of it. */
export interface RunRequest {
  messages: unknown[]
  model: ModelConfig
  tools: unknown
  toolChoice: unknown
  responseSchema: unknown
  /** Of the content without its model, which another may stand in for. */
  textEtag: string
  /** What it was compiled from. */
  manifest: Manifest
  variables: Record<string, unknown>
}

export interface RunError {
  code: string
  message: string
  retryable: boolean
  /** What the provider answered with; null where it did not come to that. */
  statusCode: number | null
  retryAfterSeconds: number | null
}

/** What a run took, and what came of it. */
export interface RunResult extends TokenCounts {
  text: string
  output: unknown
  toolCalls: unknown
  cost: string | null
  durationMs: number | null
  timeToFirstTokenMs: number | null
  /** What of the request was not sent, and what else there is to be said of the answer. */
  warnings: string[]
  error: RunError | null
}

/** One model call from a session. */
export interface PlaygroundRun extends RunResult {
  id: string
  sessionId: string
  status: RunStatus
  request: RunRequest
  traceId: string | null
  createdAt: Date
  startedAt: Date | null
  finishedAt: Date | null
}

/** What one subscriber is told: what came behind `offset`, which is in UTF-16 units. */
export interface RunEvent {
  runId: string
  offset: number
  delta: string
  done: boolean
}

export function isFinished(status: RunStatus): boolean {
  return status !== 'QUEUED' && status !== 'RUNNING'
}

/** A worker that has said nothing for so long is gone: told by a sweep, every few seconds. */
export const lostAfterMs = 40_000
export const beatEveryMs = 10_000

export const workerLost: RunError = {
  code: 'WORKER_LOST',
  message: 'The process that made the call ended before the answer was there. It is not made again by itself.',
  retryable: true,
  statusCode: null,
  retryAfterSeconds: null,
}

/** Woken where a run is to be ended: its worker need not look whenever it has said something itself. */
export function cancelTopic(tenantId: string, runId: string): string {
  return `cancel/${tenantId}/${runId}`
}

export function runTopic(tenantId: string, runId: string): string {
  return `run/${tenantId}/${runId}`
}
