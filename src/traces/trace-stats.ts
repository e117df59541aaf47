import { InvalidInputError } from '../errors.ts'
import type { Agent } from './agent.ts'

/** Over the traces whose duration is known, in milliseconds; null without any. */
export interface Percentiles {
  p50: number | null
  p95: number | null
  p99: number | null
  avg: number | null
  max: number | null
}

export interface OutcomeCount {
  outcome: string
  count: number
}

/** What every sum of traces has. */
export interface TraceSums {
  traces: number
  /** Success is what was said of it; where nothing was said, what the status says of a trace that has ended. */
  failed: number
  durationMs: Percentiles
  /** Of the traces whose cost is known; exact, in USD. */
  cost: string
  unpricedTraces: number
  inputTokens: number
  outputTokens: number
}

export interface AgentStats extends TraceSums {
  succeeded: number
  /** FAILED and TIMED_OUT, whatever was said of their success. */
  errors: number
  /** All that don't run any more. */
  ended: number
  totalTokens: number
  /** The most frequent first; at most `maxOutcomes`. */
  outcomes: OutcomeCount[]
}

export interface ComparedAgent {
  agent: Agent
  stats: AgentStats
}

export const statsIntervals = ['MINUTE', 'HOUR', 'DAY'] as const
export type StatsInterval = (typeof statsIntervals)[number]

export const statsGroups = ['NONE', 'AGENT', 'MODEL', 'PROMPT', 'STATUS'] as const
export type StatsGroup = (typeof statsGroups)[number]

export interface TraceStatsBucket extends TraceSums {
  start: Date
  group: string | null
}

export const maxOutcomes = 50
export const maxBuckets = 5_000

export const noStats: AgentStats = {
  traces: 0,
  succeeded: 0,
  failed: 0,
  errors: 0,
  ended: 0,
  durationMs: { p50: null, p95: null, p99: null, avg: null, max: null },
  cost: '0',
  unpricedTraces: 0,
  inputTokens: 0,
  outputTokens: 0,
  totalTokens: 0,
  outcomes: [],
}

/** Of those whose success is known; null where it is of none. */
export function successRate({ succeeded, failed }: Pick<AgentStats, 'succeeded' | 'failed'>): number | null {
  return succeeded + failed === 0 ? null : succeeded / (succeeded + failed)
}

/** Of those that have ended; null where none has. */
export function errorRate({ errors, ended }: Pick<AgentStats, 'errors' | 'ended'>): number | null {
  return ended === 0 ? null : errors / ended
}

export function requireBuckets(buckets: readonly TraceStatsBucket[], interval: StatsInterval): void {
  if (buckets.length <= maxBuckets) return
  throw new InvalidInputError(
    'interval',
    `Up to ${maxBuckets} buckets are given at once; with the interval ${interval} there are more.`,
    'Narrow startedAt in the filter, or take a longer interval.',
  )
}
