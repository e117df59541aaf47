import { expect, test } from 'vitest'
import { makeSpan } from '../../test/harness/spans.ts'
import { type CursorParts, decodeCursor } from '../page.ts'
import { readSpanPosition, spanCursor } from './span-page.ts'

function positionAt(from: CursorParts | null) {
  return readSpanPosition({ size: 1, isBackward: false, from, cursorField: 'after' })
}

test('a cursor is the place of its span, to the millisecond', () => {
  const span = makeSpan({ id: 'a 🙂', startedAt: new Date('9999-12-31T23:59:59.999Z') })
  expect(positionAt(decodeCursor(spanCursor(span), 'after'))).toEqual({ startedAt: span.startedAt, id: 'a 🙂' })
  expect(positionAt(null)).toBeNull()
})

test('an id that no span can have is cleaned, as those of spans were', () => {
  expect(positionAt([0, '\0a\ud800'])).toEqual({ startedAt: new Date(0), id: '\uFFFDa\uFFFD' })
})

test.each<[CursorParts]>([
  [[]],
  [['a']],
  [[0]],
  [[0, 'a', 'b']],
  [['0', 'a']],
  [[0, 1]],
  [[0, null]],
  [[null, 'a']],
  [[0.5, 'a']],
  [[1e16, 'a']],
  [[-1e15, 'a']],
])('%j is no cursor of a span', (from) => {
  expect(() => positionAt(from)).toThrow(
    expect.objectContaining({ code: 'INVALID_INPUT', details: { field: 'after' } }),
  )
})
