import { parse } from 'graphql'
import { expect, test } from 'vitest'
import { createDocumentCache } from './document-cache.ts'

const document = parse('{ a }')

/** A text of so many characters that no other number gives. */
const text = (number: number, length: number) => `{ a } # ${number}`.padEnd(length)

test('documents are kept by their text; long ones are not', () => {
  const cache = createDocumentCache()
  cache.set('{ a }', document)
  cache.set(text(1, 10_001), document)
  expect(cache.get('{ a }')).toBe(document)
  expect(cache.get('{ b }')).toBeUndefined()
  expect(cache.get(text(1, 10_001))).toBeUndefined()
})

test('what is kept is bounded by its length; what was used longest ago goes first', () => {
  const cache = createDocumentCache()
  for (let number = 0; number < 50; number++) cache.set(text(number, 10_000), document)
  cache.get(text(0, 10_000))
  cache.set(text(50, 10_000), document)
  const kept = Array.from({ length: 51 }, (_, number) => number).filter((number) => cache.get(text(number, 10_000)))
  expect(kept).toHaveLength(50)
  expect(kept).not.toContain(1)
})
