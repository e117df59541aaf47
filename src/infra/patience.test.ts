import { setMaxListeners } from 'node:events'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { type RecordedLog, recordLog } from '../../test/harness/recorded-log.ts'
import { until } from '../../test/harness/until.ts'
import { DomainError, UnavailableError } from '../errors.ts'
import { createPatience, type Patience } from './patience.ts'

const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })

/** How long each pause was to be; here they pass fifty times as fast. */
const pauses = vi.hoisted((): number[] => [])
vi.mock('node:timers/promises', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:timers/promises')>()
  return {
    ...real,
    setTimeout(ms: number, value: unknown, options: object) {
      pauses.push(ms)
      return real.setTimeout(ms / 50, value, options)
    },
  }
})

describe('patience', () => {
  let log: RecordedLog
  let patience: Patience
  let closing: AbortController

  beforeEach(() => {
    pauses.length = 0
    log = recordLog()
    patience = createPatience(log.logger, 'the database')
    closing = new AbortController()
    setMaxListeners(0, closing.signal)
  })

  /** Work that fails so often. */
  function failing(times: number, error: unknown = refused) {
    return vi.fn(async () => {
      if (times-- > 0) throw error
      return 'done'
    })
  }

  function linesOf(log: RecordedLog): string[] {
    return log.lines.filter(({ level }) => level >= 30).map(({ msg }) => msg)
  }

  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length

  test('gives what the work gives, at once and without a word', async () => {
    expect(await patience(closing.signal, failing(0))).toBe('done')
    expect([log.lines, pauses]).toEqual([[], []])
  })

  test.each([
    ['a refused connection', refused],
    ['a cut connection', new Error('Connection terminated unexpectedly')],
    ['a dead line', new Error('Query read timeout')],
    ['a server that shuts down', Object.assign(new Error('terminating'), { code: '57P01' })],
    ['a server that starts', Object.assign(new Error('starting up'), { code: '57P03' })],
    ['too many connections', Object.assign(new Error('sorry'), { code: '53300' })],
    ['what says so itself', new UnavailableError('The database does not answer.')],
    ['what was wrapped', new Error('wrapped', { cause: refused })],
  ])('tries again after %s, until it is done', async (_, error) => {
    const work = failing(3, error)
    expect(await patience(closing.signal, work)).toBe('done')
    expect(work).toHaveBeenCalledTimes(4)
  })

  test.each([
    ['a bug', new TypeError('undefined is not a function')],
    ['a wrong statement', Object.assign(new Error('syntax'), { code: '42601' })],
    ['a statement that takes too long', Object.assign(new Error('canceling'), { code: '57014' })],
    ['a refusal', new DomainError('CURSOR_EXPIRED', 'too old')],
    ['nothing in particular', null],
  ])('throws %s at once', async (_, error) => {
    const work = failing(1, error)
    await expect(patience(closing.signal, work)).rejects.toBe(error)
    expect(work).toHaveBeenCalledTimes(1)
    expect([log.lines, pauses]).toEqual([[], []])
  })

  test('throws what is no outage after one, too', async () => {
    const errors = [new TypeError('bug'), refused]
    const work = async () => {
      throw errors.pop()
    }
    await expect(patience(closing.signal, work)).rejects.toThrow('bug')
  })

  test('tries soon, then less and less often, up to every two seconds', async () => {
    await patience(closing.signal, failing(12))
    expect(pauses).toHaveLength(12)
    for (const [index, pause] of pauses.entries()) {
      const longest = Math.min(50 * 2 ** index, 2_000)
      expect(pause).toBeGreaterThanOrEqual(longest / 2)
      expect(pause).toBeLessThanOrEqual(longest)
    }
    await patience(closing.signal, failing(1))
    expect(pauses.at(-1)).toBeLessThanOrEqual(50)
  })

  test('lets many come back at different times', async () => {
    await Promise.all(Array.from({ length: 20 }, () => patience(closing.signal, failing(1))))
    expect(new Set(pauses).size).toBeGreaterThan(10)
  })

  test('ends with its signal while it pauses, and leaves no timer', async () => {
    const before = timers()
    const work = failing(Number.POSITIVE_INFINITY)
    const done = patience(closing.signal, work)
    done.catch(() => {})
    await until(() => pauses.length > 6)
    closing.abort()
    const { length } = work.mock.calls
    await expect(done).rejects.toMatchObject({ name: 'AbortError' })
    expect(timers()).toBeLessThanOrEqual(before)
    expect(work).toHaveBeenCalledTimes(length)
  })

  test('does not begin, and does not go on, when its signal has come before', async () => {
    const work = vi.fn(async () => {
      closing.abort()
      throw refused
    })
    await expect(patience(closing.signal, work)).rejects.toMatchObject({ name: 'AbortError' })
    await expect(patience(closing.signal, work)).rejects.toMatchObject({ name: 'AbortError' })
    expect(work).toHaveBeenCalledTimes(1)
  })

  test('gives what is done though its signal has come meanwhile', async () => {
    const done = patience(closing.signal, async () => {
      closing.abort()
      return 'done'
    })
    expect(await done).toBe('done')
  })

  test('says once that it waits and once that it is over, for all who wait, at each outage', async () => {
    let isAway = false
    const work = async () => {
      if (isAway) throw refused
    }
    const oneOutage = ['the database does not answer; trying again until it does', 'the database answers again']
    for (const lines of [oneOutage, [...oneOutage, ...oneOutage]]) {
      pauses.length = 0
      isAway = true
      const all = Promise.all(Array.from({ length: 20 }, () => patience(closing.signal, work)))
      await until(() => pauses.length > 100)
      isAway = false
      await all
      expect(linesOf(log)).toEqual(lines)
    }
    expect(log.said('does not answer')[0]).toMatchObject({ level: 40, err: { code: 'ECONNREFUSED' } })
  })
})
