import type { RawJson } from '../raw-json.ts'

/** In the order of their codes in the tables, and of who wins: a later one beats an earlier one. */
export const traceStatuses = ['RUNNING', 'COMPLETED', 'TIMED_OUT', 'FAILED'] as const
export type TraceStatus = (typeof traceStatuses)[number]

/** In the order of their codes in the tables. */
export const costSources = ['REPORTED', 'COMPUTED', 'UNPRICED'] as const
export type CostSource = (typeof costSources)[number]

/** How a trace or a span went, and what it took. */
export interface Course {
  status: TraceStatus
  errorMessage: string | null
  startedAt: Date
  endedAt: Date | null
  durationMs: number | null
  model: string | null
  provider: string | null
  inputTokens: number | null
  outputTokens: number | null
  totalTokens: number | null
  cachedInputTokens: number | null
  reasoningTokens: number | null
  /** Exact, in USD: "0.0045". */
  cost: string | null
  costSource: CostSource
}

/** A trace as it is shown: what clients gave, and for what they didn't, what its spans say. Without its wide values. */
export interface Trace extends Course {
  id: string
  /** The agent's name. */
  agent: string | null
  name: string | null
  promptName: string | null
  etag: string | null
  success: boolean | null
  outcome: string | null
  tags: string[]
  conversationId: string | null
  runId: string | null
  userId: string | null
  spanCount: number
  errorCount: number
  createdAt: Date
  updatedAt: Date
}

/** The wide values: read by themselves, and only those that are asked for. */
export const traceContentFields = [
  'modelConfig',
  'metadata',
  'manifest',
  'variables',
  'messages',
  'output',
  'tools',
  'toolChoice',
] as const
export type TraceContentField = (typeof traceContentFields)[number]
export type TraceContent = Record<TraceContentField, RawJson | null>
