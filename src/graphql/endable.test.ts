import { describe, expect, test } from 'vitest'
import { endable } from './endable.ts'

/** A source that gives what it is told to, when it is told to. */
function createSource() {
  const asked: { resolve: (result: IteratorResult<string>) => void; reject: (error: Error) => void }[] = []
  let isReturned = false
  const source: AsyncIterableIterator<string> = {
    next: () => new Promise((resolve, reject) => asked.push({ resolve, reject })),
    async return() {
      isReturned = true
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]: () => source,
  }
  return { source, asked, isReturned: () => isReturned }
}

function setUp() {
  const { source, asked, isReturned } = createSource()
  let ends = 0
  const onEnd = () => {
    ends++
  }
  const stream = endable({ source, asLast: (failure) => `failed: ${(failure as Error).message}`, onEnd })
  return { ...stream, asked, isReturned, ends: () => ends }
}

const over = { done: true, value: undefined }

describe('a stream that can be ended', () => {
  test('gives what its source gives, to whoever asks in turn', async () => {
    const { values, asked, ends } = setUp()
    const pulled = [values.next(), values.next()]
    asked[1]?.resolve({ done: false, value: 'second' })
    asked[0]?.resolve({ done: false, value: 'first' })
    expect(await Promise.all(pulled)).toEqual([
      { done: false, value: 'first' },
      { done: false, value: 'second' },
    ])
    expect(ends()).toBe(0)
  })

  test('ends with its source', async () => {
    const { values, asked, ends } = setUp()
    const pulled = values.next()
    asked[0]?.resolve({ done: true, value: undefined })
    expect(await pulled).toEqual(over)
    expect(await values.next()).toEqual(over)
    expect(ends()).toBe(1)
  })

  test('ends at once while its source has nothing to give, and with the last value first', async () => {
    const { values, asked, end, ends, isReturned } = setUp()
    const pulled = [values.next(), values.next()]
    end('last')
    expect(await Promise.all(pulled)).toEqual([{ done: false, value: 'last' }, over])
    asked[0]?.resolve({ done: false, value: 'too late' })
    expect(await values.next()).toEqual(over)
    expect({ ends: ends(), isReturned: isReturned() }).toEqual({ ends: 1, isReturned: true })
  })

  test('keeps the last value for a consumer that asks later, once', async () => {
    const { values, end, ends } = setUp()
    end('last')
    end('another')
    expect(ends()).toBe(1)
    expect(await values.next()).toEqual({ done: false, value: 'last' })
    expect(await values.next()).toEqual(over)
  })

  test('makes a failure of its source the last value', async () => {
    const { values, asked, end, ends } = setUp()
    const pulled = values.next()
    asked[0]?.reject(new Error('broken'))
    expect(await pulled).toEqual({ done: false, value: 'failed: broken' })
    end('last')
    expect(await values.next()).toEqual(over)
    expect(ends()).toBe(1)
  })

  test('that its consumer leaves gives nothing more, not even to a pull that waits', async () => {
    const { values, asked, end, ends, isReturned } = setUp()
    const pulled = values.next()
    expect(await values.return?.()).toEqual(over)
    expect(await pulled).toEqual(over)
    asked[0]?.reject(new Error('too late'))
    end('last')
    expect(await values.next()).toEqual(over)
    expect({ ends: ends(), isReturned: isReturned() }).toEqual({ ends: 1, isReturned: true })
  })

  test('that lives long does not hold what it has given', async () => {
    async function* source() {
      for (;;) yield { bytes: Buffer.alloc(100_000) }
    }
    const { values } = endable<{ bytes: Buffer }>({
      source: source(),
      asLast: () => ({ bytes: Buffer.alloc(0) }),
      onEnd() {},
    })
    const before = process.memoryUsage().arrayBuffers
    // 2 GB pass through.
    for (let time = 0; time < 20_000; time++) await values.next()
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(500_000_000)
    await values.return?.()
  })
})
