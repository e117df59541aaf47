import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvalidInputError } from '../errors.ts'
import { cursorOf, type FeedCursor } from './feed.ts'
import { decodeFeedCursor, encodeFeedCursor, feedCursorAfter } from './feed-cursor.ts'

const tenantId = 'tn_one'
const largest = 2n ** 63n - 1n
const numRuns = Number(process.env.PROPERTY_RUNS ?? 1_000)

const numbers = fc.oneof(fc.bigInt({ min: 0n, max: largest }), fc.bigInt({ min: 0n, max: 2_000n }))
const positions = fc.record({ place: numbers, id: numbers })
const spans = fc.option(fc.nat({ max: 999_999_999 }))
/** As PostgreSQL writes them. */
const snapshots = fc
  .record({ xmin: fc.bigInt({ min: 3n, max: 2n ** 62n }), running: fc.uniqueArray(fc.nat(99)), more: fc.nat(9) })
  .map(({ xmin, running, more }) => {
    const xids = running.sort((one, other) => one - other).map((each) => xmin + BigInt(each))
    return `${xmin}:${(xids.at(-1) ?? xmin - 1n) + 1n + BigInt(more)}:${xids.join(',')}`
  })
const starts = fc.option(fc.record({ snapshot: snapshots, own: fc.option(fc.bigInt({ min: 3n, max: largest })) }))
const cursors: fc.Arbitrary<FeedCursor> = fc.record({ position: positions, start: starts, spans })
const encoded = cursors.map((cursor) => encodeFeedCursor(tenantId, cursor))

/** Of all characters, those that a cursor is made of and those that look like them above all. */
const characters = fc.oneof(
  fc.constantFrom(...'abcXYZ0189-_+/= .\0\né\u{1F4A5}'),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
)

function expectRefused(cursor: string, tenant = tenantId): void {
  let error: unknown
  try {
    decodeFeedCursor(tenant, cursor, 'after')
  } catch (thrown) {
    error = thrown
  }
  expect(error).toBeInstanceOf(InvalidInputError)
  expect(error).toMatchObject({ code: 'INVALID_INPUT', details: { field: 'after' } })
  expect((error as Error).message.length).toBeLessThan(1_000)
}

/** What somebody makes who knows how they are made. */
function forge(text: string): string {
  const digest = createHash('sha256').update(`${tenantId} ${text}`).digest('base64url').slice(0, 6)
  return Buffer.from(text).toString('base64url') + digest
}

describe('a cursor', () => {
  test('is read as it was written, and is an opaque word', () => {
    fc.assert(
      fc.property(cursors, (cursor) => {
        const written = encodeFeedCursor(tenantId, cursor)
        expect(written).toMatch(/^[\w-]+$/)
        expect(decodeFeedCursor(tenantId, written, 'after')).toEqual(cursor)
      }),
      { numRuns },
    )
  })

  test('of a moment stands before all that may have been running then', () => {
    const start = { snapshot: '10:20:10,15', own: 17n }
    const read = decodeFeedCursor(tenantId, feedCursorAfter(tenantId, start), 'after')
    expect(read).toEqual({ position: { place: 10n, id: 0n }, start, spans: null })
    expect(read).toEqual(cursorOf(start))
  })

  test('with one character changed is refused', () => {
    fc.assert(
      fc.property(encoded, fc.nat(), characters, (cursor, at, character) => {
        const index = at % cursor.length
        fc.pre(cursor[index] !== character)
        expectRefused(cursor.slice(0, index) + character + cursor.slice(index + 1))
      }),
      { numRuns },
    )
  })

  test('with two characters exchanged, and one in capitals, is refused', () => {
    fc.assert(
      fc.property(encoded, fc.nat(), (cursor, at) => {
        const index = at % (cursor.length - 1)
        const [one = '', other = ''] = cursor.slice(index)
        if (one !== other) expectRefused(cursor.slice(0, index) + other + one + cursor.slice(index + 2))
        if (cursor !== cursor.toUpperCase()) expectRefused(cursor.toUpperCase())
      }),
      { numRuns },
    )
  })

  test('that was cut at either end, or in between, is refused', () => {
    fc.assert(
      fc.property(encoded, fc.nat(), fc.nat(), (cursor, at, many) => {
        const index = at % cursor.length
        expectRefused(cursor.slice(0, index))
        expectRefused(cursor.slice(index + 1))
        expectRefused(cursor.slice(0, index) + cursor.slice(index + 1 + (many % (cursor.length - index))))
      }),
      { numRuns },
    )
  })

  test('with something added anywhere is refused', () => {
    fc.assert(
      fc.property(encoded, fc.nat(), fc.array(characters, { minLength: 1, maxLength: 9 }), (cursor, at, more) => {
        const index = at % (cursor.length + 1)
        // Where it is the same as what stands behind it, the cursor is repeated only in part.
        expectRefused(cursor.slice(0, index) + more.join('') + cursor.slice(index))
        expectRefused(cursor + cursor)
      }),
      { numRuns },
    )
  })

  test('of another tenant is refused', () => {
    fc.assert(
      fc.property(encoded, fc.string(), (cursor, other) => {
        fc.pre(other !== tenantId)
        expectRefused(cursor, other)
        expectRefused(cursor, `${tenantId} `)
      }),
      { numRuns },
    )
  })

  test('made of the parts of two others is refused', () => {
    fc.assert(
      fc.property(encoded, encoded, (one, other) => {
        fc.pre(one.slice(0, -6) !== other.slice(0, -6))
        expectRefused(one.slice(0, -6) + other.slice(-6))
      }),
      { numRuns },
    )
  })
})

describe('what is no cursor is refused', () => {
  test('whatever text it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.base64String(), fc.array(characters)), (text) => {
        expectRefused(Array.isArray(text) ? text.join('') : text)
      }),
      { numRuns },
    )
  })

  test.each([
    ['nothing', ''],
    ['a word', 'null'],
    ['what every object has', '__proto__'],
    ['a method', 'constructor'],
    ['a NUL', '\0'],
    ['NULs behind a cursor', `${forge('1 2')}\0\0`],
    ['a lone surrogate', '\ud800'],
    ['an emoji', '💥💥💥'],
    ['digits of another script', forge('١ ٢')],
    ['a byte order mark', `\ufeff${forge('1 2')}`],
    ['padding', `${forge('1 2').slice(0, -6)}==${forge('1 2').slice(-6)}`],
    ['JSON', '{"place":"1","id":"2"}'],
  ])('%s', (_, text) => expectRefused(text))

  test('megabytes of it, soon', () => {
    const texts = ['A', '1 ', '1:1:', '💥', '\0', forge('1 2')].map((each) => each.repeat(2_000_000))
    const began = performance.now()
    for (const text of texts) expectRefused(text)
    expectRefused(forge(`1 2  1:9:${'1,'.repeat(1_000_000)}x`))
    expectRefused(forge('1'.repeat(4_000_000)))
    expect(performance.now() - began).toBeLessThan(5_000)
  })

  /** The digest is no secret: who makes one up must not come to the database with what it can't read. */
  test.each([
    ['a place that no transaction has', '9223372036854775808 1'],
    ['an id that no event has', '1 9223372036854775808'],
    ['a negative place', '-1 2'],
    ['a place without an id', '1'],
    ['zeros before a number', '01 2'],
    ['a snapshot that ends before it begins', '1 2  20:10:'],
    ['a snapshot from nothing', '1 2  0:0:'],
    ['what ran before a snapshot', '1 2  10:20:5'],
    ['what ran after a snapshot', '1 2  10:20:20'],
    ['what ran in disorder', '1 2  10:20:15,12'],
    ['what ran twice', '1 2  10:20:12,12'],
    ['a list of nothing', '1 2  10:20:,'],
    ['a list with a gap', '1 2  10:20:11,,12'],
    ['a snapshot beyond all', '1 2  99999999999999999999:99999999999999999999:'],
    ['what ran beyond all', '1 2  1:9223372036854775807:99999999999999999999'],
    ['an own transaction beyond all', '1 2  10:20: 9223372036854775808'],
    ['an own transaction without a moment', '1 2   15'],
    ['spaces behind it', '1 2 '],
    ['a line behind it', '1 2\n'],
    ['more than a cursor has', '1 2 3 10:20: 15 16'],
  ])('though its digest is right: %s', (_, text) => expectRefused(forge(text)))
})
