import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createSearchIndexService, type SearchIndexService } from './search-index.service.ts'

const nudgeMs = 200

describe('indexing in the background', () => {
  let added: { name: string; options: unknown }[]
  let errors: unknown[]
  let add: () => Promise<void>
  /** What each look at the tables finds. */
  let looks: boolean[]
  let service: SearchIndexService

  beforeEach(() => {
    vi.useFakeTimers()
    added = []
    errors = []
    looks = []
    add = async () => {}
    service = createSearchIndexService({
      index: { indexSome: async () => looks.shift() ?? false },
      queue: {
        add: async ({ name }, _, options) => {
          added.push({ name, options })
          await add()
        },
      },
      onError: (error) => errors.push(error),
      nudgeMs,
    })
  })
  afterEach(() => vi.useRealTimers())

  test('nudges once for all that came in a short while, and again for what comes after', async () => {
    for (let n = 0; n < 1_000; n++) service.nudge(1)
    expect(added).toEqual([])
    await vi.advanceTimersByTimeAsync(10 * nudgeMs)
    expect(added).toEqual([{ name: 'traces.index', options: { id: expect.any(String), againIfActive: true } }])
    service.nudge(1)
    await vi.advanceTimersByTimeAsync(nudgeMs)
    expect(added).toHaveLength(2)
    expect(added[1]).toEqual(added[0])
  })

  test('a nudge that fails is told of, and hinders nobody', async () => {
    add = () => Promise.reject(new Error('no queue'))
    service.nudge(1)
    await vi.advanceTimersByTimeAsync(nudgeMs)
    expect(errors).toEqual([new Error('no queue')])
    service.nudge(1)
    await vi.advanceTimersByTimeAsync(nudgeMs)
    expect(added).toHaveLength(2)
    await service.close()
  })

  test('a flush sends what is pending, and waits for what is on its way', async () => {
    let arrive = () => {}
    add = () =>
      new Promise<void>((resolve) => {
        arrive = resolve
      })
    service.nudge(1)
    let isFlushed = false
    const flushed = service.flush().then(() => {
      isFlushed = true
    })
    expect(added).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(10 * nudgeMs)
    expect(added).toHaveLength(1)
    expect(isFlushed).toBe(false)
    arrive()
    await flushed
    await service.flush()
    expect(added).toHaveLength(1)
  })

  test('goes on until nothing is due, or the process ends', async () => {
    looks = [true, true, true, false, true]
    await service.indexDue(new AbortController().signal)
    expect(looks).toEqual([true])
    looks = [true, true, true]
    await expect(service.indexDue(AbortSignal.abort(new Error('the process is ending')))).rejects.toThrow('ending')
    expect(looks).toEqual([true, true])
  })
})
