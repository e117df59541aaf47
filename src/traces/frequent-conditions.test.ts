import { describe, expect, test } from 'vitest'
import { createFrequentConditions } from './frequent-conditions.ts'

describe('what many traces met', () => {
  let time = 0
  const frequent = createFrequentConditions(() => time)

  test('is believed for a minute, of one tenant and one condition', () => {
    frequent.add('a', { tagsAny: ['x'] })
    expect(frequent.has('a', { tagsAny: ['x'] })).toBe(true)
    expect(frequent.has('b', { tagsAny: ['x'] })).toBe(false)
    expect(frequent.has('a', { tagsAll: ['x'] })).toBe(false)
    time += 59_999
    expect(frequent.has('a', { tagsAny: ['x'] })).toBe(true)
    time += 1
    expect(frequent.has('a', { tagsAny: ['x'] })).toBe(false)
  })

  test('takes a bounded place', () => {
    for (let count = 0; count < 1_001; count++) frequent.add('a', { search: `${count}` })
    expect(frequent.has('a', { search: '0' })).toBe(false)
    expect(frequent.has('a', { search: '1' })).toBe(true)
    frequent.add('a', { search: 'x'.repeat(1_000) })
    expect(frequent.has('a', { search: 'x'.repeat(1_000) })).toBe(false)
  })
})
