import type { ReasoningTrace } from './reasoning.ts'

/** That a record was stored, for who watches those of a filter. */
export interface ReasoningEvent {
  cursor: string
  record: ReasoningTrace
}
