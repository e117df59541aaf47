import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { UnauthenticatedError } from '../errors.ts'
import { createKeyWatch } from './key-watch.service.ts'
import type { Viewer } from './viewer.ts'

const pollMs = 500
const viewer: Viewer = { tenantId: 'tn_1', keyId: 'abcd', keyName: '', scopes: [], expiresAt: null }
const other: Viewer = { ...viewer, keyId: 'efgh' }

describe('the watch over keys', () => {
  let looks: string[][]
  let ended: Set<string>
  let listeners: Map<() => void, string>
  let errors: unknown[]
  let answer: () => Promise<void>
  let watch: ReturnType<typeof createKeyWatch>

  beforeEach(() => {
    vi.useFakeTimers()
    looks = []
    ended = new Set()
    listeners = new Map()
    errors = []
    answer = async () => {}
    watch = createKeyWatch({
      keys: {
        async findEndedKeys(ids) {
          looks.push([...ids])
          const found = ids.filter((id) => ended.has(id))
          await answer()
          return found
        },
      },
      bus: {
        listen(topic, onWake) {
          const own = () => onWake()
          listeners.set(own, topic)
          return () => listeners.delete(own)
        },
      },
      onError: (error) => errors.push(error),
      pollMs,
    })
  })
  afterEach(async () => {
    await watch.close()
    expect([...listeners]).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
    vi.useRealTimers()
  })

  function wake(): Promise<unknown> {
    for (const listener of listeners.keys()) listener()
    return vi.advanceTimersByTimeAsync(0)
  }

  function tellInto(told: UnauthenticatedError[]) {
    return (reason: UnauthenticatedError) => void told.push(reason)
  }

  test('asks nothing while nothing is open', async () => {
    await vi.advanceTimersByTimeAsync(10 * pollMs)
    const stop = watch.onceEnded(viewer, () => {})
    await vi.advanceTimersByTimeAsync(2 * pollMs)
    expect(looks).toEqual([['abcd'], ['abcd']])
    stop()
    await vi.advanceTimersByTimeAsync(10 * pollMs)
    expect(looks).toHaveLength(2)
  })

  test('tells everybody who holds something open for the key, once, with a code', async () => {
    const told: UnauthenticatedError[] = []
    const spared: UnauthenticatedError[] = []
    watch.onceEnded(viewer, tellInto(told))
    watch.onceEnded(viewer, tellInto(told))
    watch.onceEnded(other, tellInto(spared))
    expect([...listeners.values()]).toEqual(['keys/tn_1', 'keys/tn_1'])
    ended.add('abcd')
    await wake()
    await wake()
    await vi.advanceTimersByTimeAsync(3 * pollMs)
    expect(told.map(({ code }) => code)).toEqual(['UNAUTHENTICATED', 'UNAUTHENTICATED'])
    expect(spared).toEqual([])
    expect(looks.at(-1)).toEqual(['efgh'])
  })

  test('finds it without a wake-up, at the next poll', async () => {
    const told: UnauthenticatedError[] = []
    watch.onceEnded(viewer, tellInto(told))
    ended.add('abcd')
    await vi.advanceTimersByTimeAsync(pollMs)
    expect(told).toHaveLength(1)
  })

  test('who has stopped is told nothing, and keeps nobody else from it', async () => {
    const told: UnauthenticatedError[] = []
    const stopped: UnauthenticatedError[] = []
    const stop = watch.onceEnded(viewer, tellInto(stopped))
    watch.onceEnded(viewer, tellInto(told))
    stop()
    stop()
    ended.add('abcd')
    await wake()
    expect([told.length, stopped.length]).toEqual([1, 0])
  })

  test('a wake-up during a look means one more look, however many they are', async () => {
    const told: UnauthenticatedError[] = []
    watch.onceEnded(viewer, tellInto(told))
    let finish = () => {}
    answer = () =>
      new Promise((resolve) => {
        finish = resolve
      })
    await wake()
    // The look has asked already and missed it.
    ended.add('abcd')
    await wake()
    await wake()
    expect(looks).toHaveLength(1)
    answer = async () => {}
    finish()
    await vi.advanceTimersByTimeAsync(0)
    expect(looks).toHaveLength(2)
    expect(told).toHaveLength(1)
  })

  test('a look that fails is reported, and the next one finds it', async () => {
    const told: UnauthenticatedError[] = []
    watch.onceEnded(viewer, tellInto(told))
    ended.add('abcd')
    answer = () => Promise.reject(new Error('no database'))
    await wake()
    expect(errors).toEqual([new Error('no database')])
    answer = async () => {}
    await vi.advanceTimersByTimeAsync(pollMs)
    expect(told).toHaveLength(1)
  })

  test('a key that ended can be watched anew', async () => {
    const told: UnauthenticatedError[] = []
    ended.add('abcd')
    watch.onceEnded(viewer, tellInto(told))
    await vi.advanceTimersByTimeAsync(pollMs)
    watch.onceEnded(viewer, tellInto(told))
    await vi.advanceTimersByTimeAsync(pollMs)
    expect(told).toHaveLength(2)
  })

  test('after its end it looks no more, and waits for the look that is under way', async () => {
    let finish = () => {}
    answer = () =>
      new Promise((resolve) => {
        finish = resolve
      })
    watch.onceEnded(viewer, () => {})
    await wake()
    let isClosed = false
    const closed = watch.close().then(() => {
      isClosed = true
    })
    await vi.advanceTimersByTimeAsync(10 * pollMs)
    expect(isClosed).toBe(false)
    finish()
    await closed
    expect(looks).toHaveLength(1)
  })
})
