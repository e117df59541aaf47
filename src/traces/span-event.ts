/** That a span of a trace has changed. */
export interface SpanEvent {
  cursor: string
  traceId: string
  spanId: string
  /** With its trace. */
  isGone: boolean
}
