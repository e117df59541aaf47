import { cleanText } from '../clean.ts'
import { readDateTime } from '../date-time.ts'
import { brokenCursor, type CursorParts, encodeCursor, type PageRequest } from '../page.ts'
import type { Trace } from './trace.ts'

export const traceOrderFields = ['STARTED_AT', 'DURATION', 'COST', 'TOTAL_TOKENS'] as const
export type TraceOrderField = (typeof traceOrderFields)[number]
export const sortDirections = ['ASC', 'DESC'] as const
export type SortDirection = (typeof sortDirections)[number]

export interface TraceOrder {
  field: TraceOrderField
  direction: SortDirection
}

export const newestFirst: TraceOrder = { field: 'STARTED_AT', direction: 'DESC' }

/** A place in an order: behind the trace with that value and id. */
export interface TracePosition {
  value: string | number | null
  id: string
}

const placeOf: Record<TraceOrderField, (trace: Trace) => string | number | null> = {
  STARTED_AT: ({ startedAt }) => startedAt.toISOString(),
  DURATION: ({ durationMs }) => durationMs,
  COST: ({ cost }) => cost,
  TOTAL_TOKENS: ({ totalTokens }) => totalTokens,
}

/** A cursor says which order it belongs to: in another one its place means nothing. */
export function traceCursor(trace: Trace, { field, direction }: TraceOrder): string {
  return encodeCursor([field, direction, placeOf[field](trace), trace.id])
}

export function readPosition({ from, cursorField }: PageRequest, order: TraceOrder): TracePosition | null {
  if (from === null) return null
  const [field, direction, value, id] = from
  const isOurs = field === order.field && direction === order.direction && from.length === 4
  if (!isOurs || typeof id !== 'string' || !isValue(order.field, value)) throw brokenCursor(cursorField, from)
  return { value: value as TracePosition['value'], id: cleanText(id) }
}

function isValue(field: TraceOrderField, value: CursorParts[number] | undefined): boolean {
  if (field === 'STARTED_AT') return typeof value === 'string' && readDateTime(value) === value
  if (value === null) return true
  if (field === 'TOTAL_TOKENS') return Number.isSafeInteger(value)
  return field === 'COST'
    ? typeof value === 'string' && /^\d{1,30}(\.\d{1,30})?$/.test(value)
    : typeof value === 'number'
}
