import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  findLike,
  fuseRankings,
  maxRanked,
  meaningWeightOf,
  type QueryWord,
  rankByMeaning,
  wordQueryOf,
} from './reasoning-search.ts'

describe('rankings that are put together', () => {
  const ids = fc.uniqueArray(fc.constantFrom(...'abcdefghij'), { maxLength: 10 })
  const rankings = fc.array(fc.record({ ids, weight: fc.constantFrom(0.05, 0.5, 1, 3) }), { maxLength: 3 })

  test('have each id once, scores above 0 and up to 1, the best first', () => {
    fc.assert(
      fc.property(rankings, (given) => {
        const hits = fuseRankings(given)
        expect(new Set(hits.map(({ id }) => id))).toEqual(new Set(given.flatMap((each) => each.ids)))
        expect(hits).toHaveLength(new Set(hits.map(({ id }) => id)).size)
        const scores = hits.map(({ score }) => score)
        expect(scores).toEqual(scores.toSorted((a, b) => b - a))
        for (const score of scores) {
          expect(score).toBeGreaterThan(0)
          expect(score).toBeLessThanOrEqual(1)
        }
      }),
    )
  })

  test('never put what is better in all of them behind', () => {
    fc.assert(
      fc.property(
        fc.array(fc.shuffledSubarray([...'abcdef'], { minLength: 6 }), { minLength: 1, maxLength: 3 }),
        (all) => {
          const places = new Map(
            fuseRankings(all.map((each) => ({ ids: each, weight: 1 }))).map(({ id }, at) => [id, at]),
          )
          for (const one of 'abcdef')
            for (const other of 'abcdef')
              if (one !== other && all.every((each) => each.indexOf(one) < each.indexOf(other)))
                expect(places.get(one)).toBeLessThan(places.get(other) as number)
        },
      ),
    )
  })

  test('give 1 to what is first in all, and the same for the same', () => {
    const given = [
      { ids: ['a', 'b', 'c'], weight: 1 },
      { ids: ['a', 'c'], weight: 3 },
    ]
    expect(fuseRankings(given)[0]).toEqual({ id: 'a', score: 1 })
    expect(fuseRankings(given)).toEqual(fuseRankings(given))
    expect(fuseRankings([])).toEqual([])
    expect(fuseRankings([{ ids: [], weight: 1 }])).toEqual([])
  })
})

describe('the words of a query', () => {
  const word = (quoted: string, records: number, all = 100_000): QueryWord => ({ quoted, records, all })

  test('are looked for each by itself where they are rare, and count the more for it', () => {
    const query = wordQueryOf([word("'econnreset'", 3), word("'checkout'", 400), word("'error'", 50_000)])
    expect(query?.rare).toBe("'econnreset' | 'checkout'")
    expect(query?.common).toBe('')
    expect(query?.words).toEqual(["'econnreset'", "'checkout'", "'error'"])
    expect(query?.weights).toEqual(query?.weights.toSorted((a, b) => b - a))
  })

  test('of which none is rare are looked for in pairs, or all at once', () => {
    expect(wordQueryOf([word('a', 4_000), word('b', 3_000), word('c', 90_000)])?.common).toBe('(b & a)')
    expect(wordQueryOf([word('a', 50_000), word('b', 90_000)])?.common).toBe('(a & b)')
    expect(wordQueryOf([word('a', 50_000)])).toMatchObject({ rare: '', common: '(a)' })
  })

  test('that nobody has written keep out none that others have', () => {
    expect(wordQueryOf([word('eror', 0), word('timeout', 5_000)])).toMatchObject({ rare: 'eror', common: '(timeout)' })
  })

  test('that follow each other in a name count more than both for themselves', () => {
    const query = wordQueryOf([word("'max connections'", 3), word("'max'", 3), word("'connect'", 3)])
    const [pair = 0, one = 0, other = 0] = query?.weights ?? []
    expect(pair).toBeGreaterThan(2 * (one + other))
  })

  test('never find more than can be ranked, by what is known of them', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100_000)), (counts) => {
        const query = wordQueryOf(counts.map((records, index) => word(`w${index}`, records)))
        const rare = query?.rare.match(/\d+/g) ?? []
        expect(rare.reduce((sum, index) => sum + (counts[Number(index)] as number), 0)).toBeLessThanOrEqual(maxRanked)
        for (const weight of query?.weights ?? []) expect(weight).toBeGreaterThan(0)
      }),
    )
    expect(wordQueryOf([])).toBeNull()
  })
})

test('what a query names counts more than what it means', () => {
  const names = ['ECONNRESET', 'INC-20417', 'src/traces/list.ts', 'maxRetries user_id', 'v1.2.3', 'order 4500-118-223']
  const mixed = ['what did we do about ECONNRESET on checkout', 'refund', 'Klarna refund']
  const prose = ['why was the car so cheap?', 'which re-read of the Redis cache went well.', '東京 の 天気 は']
  const weights = [names, mixed, prose].map((queries) => new Set(queries.map(meaningWeightOf)))
  expect(weights.map((each) => each.size)).toEqual([1, 1, 1])
  const [ofNames, ofMixed, ofProse] = weights.map((each) => [...each][0] as number) as [number, number, number]
  expect(ofNames).toBeLessThan(ofMixed)
  expect(ofMixed).toBeLessThan(ofProse)
})

test('vectors are compared with those of their length alone', () => {
  const found = [
    { id: 'far', vector: Float32Array.of(0, 1) },
    { id: 'other', vector: Float32Array.of(1, 0, 0) },
    { id: 'near', vector: Float32Array.of(1, 0) },
  ]
  expect(rankByMeaning(Float32Array.of(1, 0), found)).toEqual(['near', 'far'])
  expect(findLike(Float32Array.of(1, 0), found)).toEqual([
    { id: 'near', likeness: 1 },
    { id: 'far', likeness: 0 },
  ])
})
