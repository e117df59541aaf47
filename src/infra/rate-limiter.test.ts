import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { findRedisServer, type RedisServer, startRedis } from '../../scripts/redis-server.ts'
import { type Line, startLine } from '../../test/harness/line.ts'
import { recordLog } from '../../test/harness/recorded-log.ts'
import { until } from '../../test/harness/until.ts'
import { createRateLimiter, type RateLimiter, type Taken } from './rate-limiter.ts'

const hasRedis = findRedisServer() !== null
const opened: RateLimiter[] = []
let round = 0

function open(redisUrl: string | null, perMinute: number, prefix = `test${++round}`): RateLimiter {
  const limiter = createRateLimiter({ redisUrl, perMinute, prefix, logger: recordLog().logger })
  opened.push(limiter)
  return limiter
}

async function takeMany(limiter: RateLimiter, key: string, times: number): Promise<Taken[]> {
  return Promise.all(Array.from({ length: times }, () => limiter.take(key)))
}

function countAllowed(taken: Taken[]): number {
  return taken.filter(({ allowed }) => allowed).length
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((limiter) => limiter.close()))
})

describe('the rate limiter in memory', () => {
  test('allows exactly as many as it should, for each key', async () => {
    const limiter = open(null, 10)
    expect(countAllowed(await takeMany(limiter, 'one', 25))).toBe(10)
    expect(countAllowed(await takeMany(limiter, 'other', 10))).toBe(10)
  })

  test('says when to come back', async () => {
    const limiter = open(null, 1)
    await limiter.take('one')
    const refused = await limiter.take('one')
    if (refused.allowed) throw new Error('allowed one too many')
    expect(refused.retryAfterSeconds).toBeGreaterThanOrEqual(1)
    expect(refused.retryAfterSeconds).toBeLessThanOrEqual(60)
  })
})

describe(
  hasRedis
    ? 'the rate limiter on Redis'
    : 'the rate limiter on Redis: SKIPPED, because there is no redis-server in PATH',
  () => {
    describe.skipIf(!hasRedis)('', () => {
      let redis: RedisServer
      let line: Line

      beforeAll(async () => {
        redis = await startRedis()
        line = await startLine({ host: '127.0.0.1', port: redis.port })
      }, 60_000)
      afterEach(() => line.restore())
      afterAll(async () => {
        await line.close()
        await redis.stop()
      })

      /** Two processes that have found Redis: what one took, the other knows. */
      async function openPair(perMinute: number): Promise<[RateLimiter, RateLimiter]> {
        const prefix = `test${++round}`
        const url = `redis://127.0.0.1:${line.port}`
        const pair: [RateLimiter, RateLimiter] = [open(url, perMinute, prefix), open(url, perMinute, prefix)]
        await until(() => isShared(...pair, perMinute))
        return pair
      }

      let probes = 0
      async function isShared(one: RateLimiter, other: RateLimiter, perMinute: number): Promise<boolean> {
        const key = `probe ${++probes}`
        const taken = [...(await takeMany(one, key, perMinute)), ...(await takeMany(other, key, perMinute))]
        return countAllowed(taken) === perMinute
      }

      test('processes count together, exactly', async () => {
        const [one, other] = await openPair(10)
        const taken = await Promise.all([takeMany(one, 'key', 25), takeMany(other, 'key', 25)])
        expect(countAllowed(taken.flat())).toBe(10)
        expect((await one.take('key')).allowed).toBe(false)
        expect(countAllowed(await takeMany(other, 'another key', 10))).toBe(10)
      })

      test('an answer comes, and counts, when Redis is lost; together again when it is back', async () => {
        const [one, other] = await openPair(10)
        await line.cut()
        expect(countAllowed(await takeMany(one, 'key', 25))).toBe(10)
        expect(countAllowed(await takeMany(other, 'key', 25))).toBe(10)
        await line.restore()
        await until(() => isShared(one, other, 10))
      })

      test('an answer comes when Redis has fallen silent', async () => {
        const [one, other] = await openPair(10)
        line.freeze()
        expect(countAllowed(await takeMany(one, 'key', 25))).toBe(10)
        await line.restore()
        await until(() => isShared(one, other, 10))
      })

      test('an answer comes when Redis was never there', async () => {
        await line.cut()
        const limiter = open(`redis://127.0.0.1:${line.port}`, 10)
        expect(countAllowed(await takeMany(limiter, 'key', 25))).toBe(10)
      })
    })
  },
)
