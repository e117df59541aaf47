import fc from 'fast-check'
import { expect, test } from 'vitest'
import { makeSpan, someSpans } from '../../test/harness/spans.ts'
import { inOrder } from './span-order.ts'

test('spans stand by their start, then by id, in whatever order they came', () => {
  const shuffled = someSpans.chain((spans) => fc.shuffledSubarray(spans, { minLength: spans.length }))
  fc.assert(
    fc.property(shuffled, (spans) => {
      const given = [...spans]
      const sorted = inOrder(spans)
      const byDefinition = spans.toSorted(
        (one, other) =>
          one.startedAt.getTime() - other.startedAt.getTime() ||
          Buffer.compare(Buffer.from(one.id), Buffer.from(other.id)),
      )
      expect(sorted).toEqual(byDefinition)
      expect(spans).toEqual(given)
    }),
  )
})

test('moments that lie further apart than a number can hold with their places are sorted, too', () => {
  const spans = Array.from({ length: 3_000 }, (_, index) =>
    makeSpan({ id: String(index), startedAt: new Date(index % 2 === 0 ? -index : 253_402_300_799_999 - index) }),
  )
  expect(inOrder(spans).map(({ id }) => Number(id))).toEqual([
    ...Array.from({ length: 1_500 }, (_, index) => 2_998 - 2 * index),
    ...Array.from({ length: 1_500 }, (_, index) => 2_999 - 2 * index),
  ])
})
