import { beforeEach, describe, expect, test } from 'vitest'
import { type RecordedLog, recordLog } from '../../test/harness/recorded-log.ts'
import { type Closers, createClosers } from './closers.ts'

describe('closers', () => {
  let log: RecordedLog
  let closers: Closers
  let released: string[]

  beforeEach(() => {
    log = recordLog()
    closers = createClosers(log.logger)
    released = []
  })

  test('release last in, first out, each when the one before has done', async () => {
    closers.add('first', () => released.push('first'))
    closers.add('second', async () => {
      await new Promise((resolve) => setImmediate(resolve))
      released.push('second')
    })
    closers.add('third', () => released.push('third'))
    await closers.close()
    expect(released).toEqual(['third', 'second', 'first'])
    expect(log.said('released').map(({ name }) => name)).toEqual(['third', 'second', 'first'])
  })

  test('a failure is logged and keeps nothing else from being released', async () => {
    closers.add('first', () => released.push('first'))
    closers.add('throwing', () => {
      throw new Error('stuck')
    })
    closers.add('rejecting', () => Promise.reject(new Error('lost')))
    await closers.close()
    expect(released).toEqual(['first'])
    expect(log.said('could not be released')).toMatchObject([
      { name: 'rejecting', err: { message: 'lost' } },
      { name: 'throwing', err: { message: 'stuck' } },
    ])
  })

  test('what never ends is given up after its limit', async () => {
    closers.add('first', () => released.push('first'))
    closers.add('endless', () => new Promise(() => {}), 10)
    await closers.close()
    expect(released).toEqual(['first'])
    expect(log.said('could not be released')).toMatchObject([
      { name: 'endless', err: { message: 'its release took longer than 10 ms' } },
    ])
  })

  test('close runs once, however often it is called, and everybody waits for the same end', async () => {
    closers.add('one', () => released.push('one'))
    await Promise.all([closers.close(), closers.close()])
    await closers.close()
    expect(released).toEqual(['one'])
  })

  test('nothing is acquired once closing has begun', async () => {
    closers.add('waiting', () => new Promise((resolve) => setImmediate(resolve)))
    const closing = closers.close()
    expect(() => closers.add('late', () => released.push('late'))).toThrow(
      '"late" was acquired after closing had begun',
    )
    await closing
    expect(released).toEqual([])
  })
})
