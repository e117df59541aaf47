import { describe, expect, test } from 'vitest'
import { rememberLatest } from './remember-latest.ts'

describe('what is remembered of the latest', () => {
  function counted(limit: number) {
    const asked: string[] = []
    const remembered = rememberLatest(limit, (text) => {
      asked.push(text)
      return text === '' ? undefined : text.length
    })
    return { asked, remembered }
  }

  test('is asked once, also where the answer is nothing', () => {
    const { asked, remembered } = counted(2)
    expect(['a', '', 'a', ''].map(remembered)).toEqual([1, undefined, 1, undefined])
    expect(asked).toEqual(['a', ''])
  })

  test('is bounded, and what is in use stays', () => {
    const { asked, remembered } = counted(10)
    for (let i = 0; i < 1_000; i++) {
      remembered('in use')
      remembered(`once ${i}`)
    }
    expect(asked.filter((text) => text === 'in use')).toHaveLength(1)
    remembered('once 999')
    expect(asked).toHaveLength(1_001)
    remembered('once 979')
    expect(asked).toHaveLength(1_002)
  })
})
