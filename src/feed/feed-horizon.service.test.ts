import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type RecordedLog, recordLog } from '../../test/harness/recorded-log.ts'
import type { Horizon, RunningTransaction } from './feed-horizon.repository.ts'
import { createFeedHorizon, type FeedHorizon } from './feed-horizon.service.ts'

const stalled = 'live events wait for it'
const over = 'live events wait for no long transaction any more'

describe('the watch over the horizon', () => {
  let log: RecordedLog
  let errors: unknown[]
  let seen: Horizon | Error | Promise<Horizon>
  let horizon: FeedHorizon

  beforeEach(() => {
    vi.useFakeTimers()
    log = recordLog()
    errors = []
    seen = nothing
    const repository = {
      async look() {
        if (seen instanceof Error) throw seen
        return seen
      },
    }
    horizon = createFeedHorizon({ horizon: repository, logger: log.logger, onError: (error) => errors.push(error) })
    horizon.watch()
  })
  afterEach(async () => {
    await horizon.close()
    expect(vi.getTimerCount()).toBe(0)
    vi.useRealTimers()
  })

  const nothing: Horizon = { oldest: null, transactions: [] }

  function running(xid: string, ageMs: number | null, more: Partial<RunningTransaction> = {}): RunningTransaction {
    const session = { pid: 7, application: 'a', user: 'u', database: 'd', state: 'active', query: 'select' }
    return { xid, ageMs, gid: null, ...session, ...more }
  }

  /** So many looks, five seconds apart, all see this. */
  async function look(count: number, horizonNow: Horizon | Error): Promise<number> {
    seen = horizonNow
    await vi.advanceTimersByTimeAsync(count * 5_000)
    return horizon.stalledSeconds()
  }

  test('counts from the first look at which it was there, where nothing else is shown of it', async () => {
    const hidden = { oldest: '800', transactions: [] }
    expect(await look(1, hidden)).toBe(0)
    expect(await look(2, hidden)).toBe(10)
    expect(log.said(stalled)).toEqual([])
    expect(await look(1, hidden)).toBe(15)
    expect(log.said(stalled)).toMatchObject([{ stalledSeconds: 15, transaction: { xid: '800' } }])
    expect(await look(1, { oldest: '801', transactions: [] })).toBe(0)
    expect(log.said(over)).toMatchObject([{ stalledSeconds: 15 }])
  })

  test('believes the age of one that is there at the first look', async () => {
    expect(await look(1, { oldest: '800', transactions: [running('800', 3_600_000)] })).toBe(3_600)
    expect(log.said(stalled)).toHaveLength(1)
  })

  test('does not count what a transaction did before it wrote', async () => {
    await look(1, nothing)
    expect(await look(1, { oldest: '800', transactions: [running('800', 3_600_000)] })).toBe(5)
    expect(await look(1, { oldest: '800', transactions: [running('800', 3_605_000)] })).toBe(10)
  })

  test('knows since when the next oldest is there when the oldest has ended', async () => {
    const both = [running('800', 0), running('801', 0, { pid: 8 })]
    await look(1, nothing)
    await look(5, { oldest: '800', transactions: both })
    expect(await look(1, { oldest: '801', transactions: both.slice(1) })).toBe(25)
    expect(log.said(over)).toEqual([])
  })

  test('stays with one that is prepared, by its id', async () => {
    await look(1, nothing)
    await look(2, { oldest: '800', transactions: [running('800', 100)] })
    const prepared = running('800', 10, { pid: null, gid: 'g', application: null, state: 'prepared', query: null })
    expect(await look(1, { oldest: '800', transactions: [prepared] })).toBe(10.1)
    expect(log.said(stalled)[0]?.transaction).toMatchObject({ gid: 'g' })
  })

  test('is not misled by one that nobody waits for: a vacuum', async () => {
    expect(await look(1, { oldest: null, transactions: [running('800', 90_000)] })).toBe(0)
    expect(await look(1, { oldest: '801', transactions: [running('800', 95_000), running('801', 50)] })).toBe(0.05)
    expect(log.lines).toEqual([])
  })

  test('warns again once a minute', async () => {
    const forgotten = { oldest: '800', transactions: [running('800', 11_000)] }
    await look(12, forgotten)
    expect(log.said(stalled)).toHaveLength(1)
    await look(1, forgotten)
    expect(log.said(stalled)).toHaveLength(2)
    await look(12, forgotten)
    expect(log.said(stalled)).toHaveLength(3)
    await look(3, nothing)
    expect(log.lines).toHaveLength(4)
    await look(1, { oldest: '900', transactions: [] })
    await look(3, { oldest: '900', transactions: [] })
    expect(log.said(stalled), 'another stall, another warning').toHaveLength(4)
  })

  test('reports a failure once, keeps what it saw, and goes on', async () => {
    await look(1, { oldest: '800', transactions: [running('800', 4_000)] })
    expect(await look(3, new Error('gone'))).toBe(4)
    expect(errors).toHaveLength(1)
    expect(await look(1, { oldest: '800', transactions: [running('800', 24_000)] })).toBe(24)
    expect(log.said(stalled)).toHaveLength(1)
    await look(1, new Error('gone again'))
    expect(errors).toHaveLength(2)
  })

  test('has one look at a time, and waits for it when it is closed', async () => {
    let answer: (horizon: Horizon) => void = () => {}
    seen = new Promise((resolve) => {
      answer = resolve
    })
    await vi.advanceTimersByTimeAsync(60_000)
    let isClosed = false
    const closed = horizon.close().then(() => {
      isClosed = true
    })
    await vi.advanceTimersByTimeAsync(0)
    expect(isClosed).toBe(false)
    answer({ oldest: '800', transactions: [] })
    await closed
    expect(horizon.stalledSeconds()).toBe(0)
  })
})
