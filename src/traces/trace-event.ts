import type { FeedKind } from '../feed/feed.ts'
import type { Trace } from './trace.ts'

/** What of the feed is told of traces. */
export type TraceEventKind = Exclude<FeedKind, 'REASONED'>

/** What happened to a trace, for who watches those of a filter. */
export interface TraceEvent {
  cursor: string
  kind: TraceEventKind
  traceId: string
  /** Whether it meets the filter now; else it did before. */
  matches: boolean
  /** As it is now; null where it is gone. Undefined: it has not been read. */
  trace: Trace | null | undefined
}
