import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { orderChain, type ReasoningTrace } from './reasoning.ts'

function record(sequence: number, parentId: string | null): ReasoningTrace {
  const nothing = { outputRef: null, hypothesis: null, confidence: null, agent: null, sessionId: null }
  const lists = { observations: [], alternatives: [], filesRead: [], keyFacts: [], tags: [] }
  const said = { decisionType: 'OTHER' as const, summary: 's', conclusion: 'c', traceId: null, spanId: null }
  return { id: `r${sequence}`, sequence, parentId, createdAt: new Date(0), ...nothing, ...lists, ...said }
}

/** Each but the first came of one before it. */
const tree = fc.array(fc.nat(), { maxLength: 40 }).map((picks) => {
  const records = [record(1, null)]
  for (const pick of picks) records.push(record(records.length + 1, records[pick % records.length]?.id ?? null))
  return records
})

/** What it has to be, said as simply as can be. */
function walk(records: ReasoningTrace[], id: string, level: number): { ids: string[]; depth: number } {
  const below = records
    .filter(({ parentId }) => parentId === id)
    .sort((one, other) => one.sequence - other.sequence)
    .map((child) => ({ child, ...walk(records, child.id, level + 1) }))
  return {
    ids: below.flatMap(({ child, ids }) => [child.id, ...ids]),
    depth: Math.max(level, ...below.map(({ depth }) => depth)),
  }
}

describe('a chain', () => {
  test('is in the order of depth and time, however its records come', () => {
    fc.assert(
      fc.property(
        tree.chain((records) =>
          fc.tuple(fc.constant(records), fc.shuffledSubarray(records, { minLength: records.length })),
        ),
        ([records, shuffled]) => {
          const chain = orderChain('r1', shuffled)
          const wanted = walk(records, 'r1', 0)
          expect(chain?.parent).toBe(records[0])
          expect(chain?.children.map(({ id }) => id)).toEqual(wanted.ids)
          expect(chain?.depth).toBe(wanted.depth)
        },
      ),
    )
  })

  test('may be 100,000 deep or wide', () => {
    const count = 100_000
    const deep = Array.from({ length: count }, (_, index) => record(index + 1, index === 0 ? null : `r${index}`))
    expect(orderChain('r1', deep)).toMatchObject({ depth: count - 1, children: { length: count - 1 } })
    const wide = Array.from({ length: count }, (_, index) => record(index + 1, index === 0 ? null : 'r1'))
    expect(orderChain('r1', wide)).toMatchObject({ depth: 1, children: { length: count - 1 } })
  })

  test('without its root is none', () => {
    expect(orderChain('r1', [record(2, 'r1')])).toBeNull()
  })
})
