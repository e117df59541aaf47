import { expect, test } from 'vitest'
import { encodeCursor, readPage } from '../page.ts'
import { readPosition, type TraceOrder } from './trace-order.ts'

const byStart: TraceOrder = { field: 'STARTED_AT', direction: 'DESC' }
const moment = '2026-11-21T10:00:00.000Z'

function positionOf(parts: (string | number | null)[], order = byStart) {
  return readPosition(readPage({ first: 1, after: encodeCursor(parts) }), order)
}

test('a cursor is a place in its own order', () => {
  expect(positionOf(['STARTED_AT', 'DESC', moment, 'a'])).toEqual({ value: moment, id: 'a' })
  expect(positionOf(['COST', 'ASC', null, 'a'], { field: 'COST', direction: 'ASC' })).toEqual({ value: null, id: 'a' })
  expect(readPosition(readPage({ first: 1 }), byStart)).toBeNull()
})

test('an id that PostgreSQL would refuse is cleaned as it was when it came', () => {
  expect(positionOf(['STARTED_AT', 'DESC', moment, 'a\0'])?.id).toBe('a\uFFFD')
})

test.each<[string, (string | number | null)[], TraceOrder?]>([
  ['of another direction', ['STARTED_AT', 'ASC', moment, 'a']],
  ['of another field', ['COST', 'DESC', '1', 'a']],
  ['without an id', ['STARTED_AT', 'DESC', moment]],
  ['with more', ['STARTED_AT', 'DESC', moment, 'a', 1]],
  ['with an id that is none', ['STARTED_AT', 'DESC', moment, 7]],
  ['with a day that does not exist', ['STARTED_AT', 'DESC', '2026-99-99T10:00:00.000Z', 'a']],
  ['with an unknown start', ['STARTED_AT', 'DESC', null, 'a']],
  ['with money that is none', ['COST', 'DESC', '1;drop', 'a'], { field: 'COST', direction: 'DESC' }],
  ['with half a token', ['TOTAL_TOKENS', 'DESC', 0.5, 'a'], { field: 'TOTAL_TOKENS', direction: 'DESC' }],
  ['with a duration in words', ['DURATION', 'DESC', 'long', 'a'], { field: 'DURATION', direction: 'DESC' }],
])('a cursor %s is refused', (_, parts, order = byStart) => {
  expect(() => positionOf(parts, order)).toThrow('"after" must be a cursor')
})
