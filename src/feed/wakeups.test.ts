import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createWakeupSource, filterMap } from './wakeups.ts'

const pollMs = 5_000

describe('wake-ups', () => {
  let wake: () => void
  let isListening: boolean

  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  function open() {
    isListening = true
    const listen = (_topic: string, onWake: () => void) => {
      wake = onWake
      return () => {
        isListening = false
      }
    }
    return createWakeupSource({ bus: { listen }, pollMs })('tenant/a')
  }

  /** Whether the pull has been answered by now. */
  async function isAnswered(pulled: Promise<unknown>): Promise<boolean> {
    let answered = false
    pulled.then(() => {
      answered = true
    })
    await vi.advanceTimersByTimeAsync(0)
    return answered
  }

  test('begin with one at once; then there is none without a reason', async () => {
    const wakeups = open()
    expect(await wakeups.next()).toEqual({ done: false, value: undefined })
    const pulled = wakeups.next()
    expect(await isAnswered(pulled)).toBe(false)
    wake()
    expect(await pulled).toEqual({ done: false, value: undefined })
    await wakeups.return?.()
  })

  test('that come while nobody pulls are one, and are not lost', async () => {
    const wakeups = open()
    await wakeups.next()
    wake()
    wake()
    wake()
    expect(await isAnswered(wakeups.next())).toBe(true)
    expect(await isAnswered(wakeups.next())).toBe(false)
    await wakeups.return?.()
  })

  test('come by themselves where the bus says nothing', async () => {
    const wakeups = open()
    await wakeups.next()
    const pulled = wakeups.next()
    await vi.advanceTimersByTimeAsync(pollMs - 1)
    expect(await isAnswered(pulled)).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(await isAnswered(pulled)).toBe(true)
    await wakeups.return?.()
  })

  test('answer everybody who pulls', async () => {
    const wakeups = open()
    await wakeups.next()
    const pulled = [wakeups.next(), wakeups.next()]
    wake()
    expect(await Promise.all(pulled.map(isAnswered))).toEqual([true, true])
    await wakeups.return?.()
  })

  test('end at once when their consumer leaves, and leave no listener and no timer', async () => {
    const wakeups = open()
    await wakeups.next()
    const pulled = wakeups.next()
    await wakeups.return?.()
    expect(await pulled).toEqual({ done: true, value: undefined })
    expect(await wakeups.next()).toEqual({ done: true, value: undefined })
    expect({ isListening, timers: vi.getTimerCount() }).toEqual({ isListening: false, timers: 0 })
  })
})

describe('filterMap', () => {
  function count(): AsyncGenerator<number> & { isReturned: boolean } {
    async function* numbers() {
      try {
        for (let number = 0; ; number++) yield number
      } finally {
        generator.isReturned = true
      }
    }
    const generator = Object.assign(numbers(), { isReturned: false })
    return generator
  }

  test('gives what is made of each value, without those that nothing is made of', async () => {
    const source = count()
    const odd = filterMap(source, async (number) => (number % 2 === 1 ? `${number}` : undefined))
    expect([await odd.next(), await odd.next()]).toEqual([
      { done: false, value: '1' },
      { done: false, value: '3' },
    ])
    await odd.return?.()
    expect(source.isReturned).toBe(true)
  })

  test('passes a failure on and ends its source', async () => {
    const source = count()
    const failing = filterMap(source, async (): Promise<string> => {
      throw new Error('broken')
    })
    await expect(failing.next()).rejects.toThrow('broken')
    expect(source.isReturned).toBe(true)
  })
})
