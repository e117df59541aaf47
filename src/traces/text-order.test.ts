import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareText } from './text-order.ts'

const anyText = fc.string({ unit: 'binary' })

test('texts are compared by the bytes of UTF-8', () => {
  const nearby = fc.tuple(anyText, anyText, anyText).map(([start, one, other]) => [start + one, start + other] as const)
  fc.assert(
    fc.property(nearby, ([one, other]) => {
      expect(Math.sign(compareText(one, other))).toBe(Buffer.compare(Buffer.from(one), Buffer.from(other)))
    }),
  )
})
