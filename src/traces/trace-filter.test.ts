import { describe, expect, test } from 'vitest'
import { InvalidInputError } from '../errors.ts'
import { matchesSearch, namesOf, searchQueryOf } from './search-text.ts'
import { wordsOf } from './search-words.ts'
import { checkFilter, type FilterableTrace, matchesFilter, type TraceFilter, takeSearch } from './trace-filter.ts'

const at = new Date('2026-11-21T09:30:00.000Z')

describe('checking a filter', () => {
  test('leaves what is asked for, without what is null', () => {
    const filter: TraceFilter = {
      and: [{ or: [], model: null }, { not: { success: false } }],
      ids: ['a'],
      agents: null,
      status: ['FAILED'],
      search: '  two words ',
      startedAt: { gte: at, lt: null },
      durationMs: { lt: 0.5 },
      cost: { gte: '0.10' },
      totalTokens: {},
      metadata: { a: [1, { b: null }] },
    }
    expect(checkFilter(filter)).toEqual({
      and: [{ or: [] }, { not: { success: false } }],
      ids: ['a'],
      status: ['FAILED'],
      search: 'two words',
      startedAt: { gte: at },
      durationMs: { lt: 0.5 },
      cost: { gte: '0.1' },
      totalTokens: {},
      metadata: { a: [1, { b: null }] },
    })
    expect(checkFilter({})).toEqual({})
  })

  test('cleans texts as stored ones are', () => {
    const filter = { model: 'a\0b', tagsAny: ['\ud800'], search: 'x\0', metadata: { 'k\0': '\udc00' } }
    expect(checkFilter(filter)).toEqual({
      model: 'a\ufffdb',
      tagsAny: ['\ufffd'],
      search: 'x\ufffd',
      metadata: { 'k\ufffd': '\ufffd' },
    })
  })

  test('keeps a key called __proto__ a key', () => {
    const { metadata } = checkFilter({ metadata: JSON.parse('{"__proto__": {"a": 1}}') })
    expect(JSON.stringify(metadata)).toBe('{"__proto__":{"a":1}}')
  })

  const long = 'x'.repeat(1_001)
  test.each<[string, unknown, string]>([
    ['filter.model', { model: long }, 'a text of up to 1000 characters'],
    ['filter.and[1].not.userId', { and: [{}, { not: { userId: long } }] }, 'got "xxx'],
    ['filter.ids', { ids: Array(1_001).fill('a') }, 'up to 1000 entries; got 1001'],
    ['filter.tagsAll[2]', { tagsAll: ['a', 'b', long] }, 'up to 1000 characters'],
    ['filter.status[0]', { status: ['DONE'] }, 'one of RUNNING, COMPLETED, TIMED_OUT, FAILED; got "DONE"'],
    ['filter.search', { search: ' \n' }, '1 to 200 characters'],
    ['filter.search', { search: 'x'.repeat(201) }, '1 to 200 characters'],
    ['filter.and[0].search', { and: [{ search: 'a b c d e f g h i j k' }] }, 'up to 10 words; got 11'],
    ['filter.startedAt.gte', { startedAt: { gte: new Date(Number.NaN) } }, 'got null'],
    ['filter.durationMs.lt', { durationMs: { lt: Number.POSITIVE_INFINITY } }, 'a number'],
    ['filter.totalTokens.gte', { totalTokens: { gte: 0.5 } }, 'a whole number; got 0.5'],
    ['filter.cost.lt', { cost: { lt: 'free' } }, 'a decimal such as "0.0045"; got "free"'],
    ['filter.cost', { cost: '1' }, 'a range'],
    ['filter.metadata', { metadata: ['a'] }, 'a JSON object; got a list'],
    ['filter.metadata', { metadata: JSON.parse(`${'{"a":'.repeat(21)}1${'}'.repeat(21)}`) }, 'nested up to 20 deep'],
    ['filter.metadata', { metadata: { a: Array(1_000).fill(0) } }, 'up to 1000 values; got 1002'],
    ['filter.metadata.a[1]', { metadata: { a: ['b', long] } }, 'up to 1000 characters'],
    ['filter.metadata.n', { metadata: { n: Number.NaN } }, 'a number'],
  ])('refuses at %s what is out of bounds', (field, filter, message) => {
    expect(refusalOf(filter as TraceFilter)).toMatchObject({
      code: 'INVALID_INPUT',
      details: { field },
      message: expect.stringContaining(message),
    })
  })

  test('takes emoji for one character, and a run of Chinese for one word', () => {
    expect(refusalOf({ model: '🎉'.repeat(1_000), search: '東京都'.repeat(66) })).toBeNull()
    expect(refusalOf({ model: '🎉'.repeat(1_001) })).not.toBeNull()
  })

  test('takes ten filters within each other and a hundred in all, and no more', () => {
    const nested = (depth: number): TraceFilter => (depth === 0 ? {} : { not: nested(depth - 1) })
    expect(refusalOf(nested(10))).toBeNull()
    expect(refusalOf(nested(11))).toMatchObject({ details: { field: `filter${'.not'.repeat(11)}` } })
    const wide = (width: number): TraceFilter => ({ and: Array.from({ length: width }, () => ({})) })
    expect(refusalOf(wide(99))).toBeNull()
    expect(refusalOf(wide(100))).toMatchObject({ details: { field: 'filter.and[99]' } })
  })

  function refusalOf(filter: TraceFilter): InvalidInputError | null {
    try {
      checkFilter(filter)
      return null
    } catch (error) {
      if (error instanceof InvalidInputError) return error
      throw error
    }
  }
})

describe('a filter', () => {
  const names = namesOf({ promptName: 'triage', model: null, name: null })
  const text = { names, pieces: [new Set(wordsOf('hello'))] }
  const trace: FilterableTrace = {
    id: 't1',
    agent: 'planner',
    promptName: 'triage',
    etag: null,
    status: 'COMPLETED',
    success: null,
    outcome: null,
    startedAt: at,
    durationMs: 10,
    model: null,
    provider: null,
    totalTokens: null,
    cost: null,
    tags: ['a', 'b'],
    conversationId: null,
    runId: null,
    userId: null,
    metadata: null,
    isFoundBy: (search) => matchesSearch(searchQueryOf(search), text),
  }

  test.each<[TraceFilter, boolean]>([
    [{}, true],
    [{ and: [] }, true],
    [{ or: [] }, false],
    [{ not: {} }, false],
    [{ ids: [] }, false],
    [{ agents: [] }, false],
    [{ status: [] }, false],
    [{ tagsAny: [] }, false],
    [{ tagsAll: [] }, true],
    [{ tagsAll: ['b', 'a'] }, true],
    [{ tagsAll: ['b', 'c'] }, false],
    [{ tagsAny: ['c', 'b'] }, true],
    [{ model: 'x' }, false],
    [{ not: { model: 'x' } }, true],
    [{ not: { not: { model: 'x' } } }, false],
    [{ success: false }, false],
    [{ not: { success: false } }, true],
    [{ cost: { gte: '0' } }, false],
    [{ cost: {} }, true],
    [{ not: { metadata: {} } }, true],
    [{ startedAt: { gte: at } }, true],
    [{ startedAt: { lt: at } }, false],
    [{ durationMs: { gte: 10, lt: 10.5 } }, true],
    [{ agents: ['planner', 'x'], status: ['COMPLETED'], promptName: 'triage' }, true],
    [{ agents: ['planner'], status: ['FAILED'] }, false],
    [{ or: [{ agents: ['x'] }, { search: 'HELLO' }] }, true],
    [{ and: [{ search: 'iag' }, { search: 'hello' }] }, true],
  ])('%j is met: %s', (filter, isMet) => {
    expect(matchesFilter(filter, trace)).toBe(isMet)
  })

  test('asks for what is wide only where it is needed', () => {
    const asked: string[] = []
    const lazy: FilterableTrace = Object.defineProperties(
      { ...trace },
      {
        metadata: { get: () => void asked.push('metadata') },
        isFoundBy: { value: () => asked.push('search') && false },
      },
    )
    matchesFilter({ agents: ['planner'], not: { model: 'x' } }, lazy)
    expect(asked).toEqual([])
    matchesFilter({ agents: ['planner'], search: 'x' }, lazy)
    matchesFilter({ agents: ['nobody'], metadata: {} }, lazy)
    expect(asked).toEqual(['search'])
  })
})

test('of the searches that all of a list must meet, the longest is taken out of its filter', () => {
  expect(takeSearch({ model: 'x', search: 'a' })).toEqual({ search: 'a', rest: { model: 'x' } })
  const filter = { and: [{ model: 'x' }, { and: [{ search: 'longer' }], runId: 'r' }, { search: 'b' }] }
  expect(takeSearch(filter)).toEqual({
    search: 'longer',
    rest: { and: [{ model: 'x' }, { and: [{}], runId: 'r' }, { search: 'b' }] },
  })
  expect(takeSearch({ ...filter, search: 'longest' })).toEqual({ search: 'longest', rest: filter })
  expect(takeSearch({ ...filter, search: 'a' })?.rest).toMatchObject({ search: 'a' })
  expect(takeSearch({ or: [{ search: 'a' }], not: { search: 'b' }, and: [{ model: 'x' }] })).toBeNull()
})
