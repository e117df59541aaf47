import { cleanText } from '../clean.ts'
import { brokenCursor, encodeCursor, type PageRequest } from '../page.ts'
import type { Span } from './span.ts'

export const spanPages = { pageSize: 100, maxPageSize: 1_000 }

/** A place in the waterfall: behind the span of that id, or before it. */
export interface SpanPosition {
  startedAt: Date
  id: string
}

/** What PostgreSQL and `Date` both know: from 4713 BC on. */
const firstMoment = -210_000_000_000_000
const lastMoment = 8_640_000_000_000_000

export function spanCursor({ startedAt, id }: Span): string {
  return encodeCursor([startedAt.getTime(), id])
}

export function readSpanPosition({ from, cursorField }: PageRequest): SpanPosition | null {
  if (from === null) return null
  const [moment, id] = from
  const isOurs = from.length === 2 && typeof id === 'string' && typeof moment === 'number' && Number.isInteger(moment)
  if (!isOurs || moment < firstMoment || moment > lastMoment) throw brokenCursor(cursorField, from)
  return { startedAt: new Date(moment), id: cleanText(id) }
}
