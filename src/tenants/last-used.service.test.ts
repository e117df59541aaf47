import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { KeyUse } from './api-key.repository.ts'
import { createLastUsed, type LastUsed } from './last-used.service.ts'

const key = { tenantId: 'tn_1', id: 'abcd' }
const other = { tenantId: 'tn_1', id: 'efgh' }
const flushMs = 5_000

describe('the last use of keys', () => {
  let stored: KeyUse[][]
  let errors: unknown[]
  let store: (uses: readonly KeyUse[]) => Promise<void>
  let lastUsed: LastUsed

  beforeEach(() => {
    vi.useFakeTimers({ now: 0 })
    stored = []
    errors = []
    store = async (uses) => void stored.push([...uses])
    const keys = { storeKeyUses: (uses: readonly KeyUse[]) => store(uses) }
    lastUsed = createLastUsed({ keys, onError: (error) => errors.push(error), flushMs })
  })
  afterEach(async () => {
    await lastUsed.close()
    vi.useRealTimers()
  })

  test('is stored with one statement in a while, and not at all where there was none', async () => {
    for (let i = 0; i < 100; i++) {
      lastUsed.mark(key)
      lastUsed.mark(other)
      vi.setSystemTime(i)
    }
    expect(stored).toEqual([])
    await vi.advanceTimersByTimeAsync(flushMs)
    await vi.advanceTimersByTimeAsync(10 * flushMs)
    expect(stored).toEqual([
      [
        { ...key, at: new Date(98) },
        { ...other, at: new Date(98) },
      ],
    ])
  })

  test('survives a failure, unless there is a newer one by then', async () => {
    lastUsed.mark(key)
    lastUsed.mark(other)
    store = async () => {
      vi.setSystemTime(3)
      lastUsed.mark(key)
      throw new Error('no database')
    }
    await expect(lastUsed.flush()).rejects.toThrow('no database')
    store = async (uses) => void stored.push([...uses])
    await lastUsed.flush()
    expect(stored.flat()).toHaveLength(2)
    expect(stored.flat()).toEqual(
      expect.arrayContaining([
        { ...key, at: new Date(3) },
        { ...other, at: new Date(0) },
      ]),
    )
  })

  test('a failure in the background is reported, and tried again', async () => {
    store = () => Promise.reject(new Error('no database'))
    lastUsed.mark(key)
    await vi.advanceTimersByTimeAsync(flushMs)
    expect(errors).toEqual([new Error('no database')])
    store = async (uses) => void stored.push([...uses])
    await vi.advanceTimersByTimeAsync(flushMs)
    expect(stored).toHaveLength(1)
  })

  test('a flush waits for the write that is on its way', async () => {
    let finish = () => {}
    store = async (uses) => {
      await new Promise<void>((resolve) => {
        finish = resolve
      })
      stored.push([...uses])
    }
    lastUsed.mark(key)
    await vi.advanceTimersByTimeAsync(flushMs)
    let isFlushed = false
    const flushed = lastUsed.flush().then(() => {
      isFlushed = true
    })
    await vi.advanceTimersByTimeAsync(1)
    expect(isFlushed).toBe(false)
    finish()
    await flushed
    expect(stored).toHaveLength(1)
  })

  test('is stored at the end, and nothing is afterwards', async () => {
    lastUsed.mark(key)
    await lastUsed.close()
    expect(stored).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(10 * flushMs)
    expect(stored).toHaveLength(1)
  })
})
