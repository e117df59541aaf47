import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import type { Logger } from './logger.ts'
import { openRedis } from './redis.ts'

/**
 * So many requests a key and minute; the minute begins with the first one. With Redis all processes count together.
 * A lost Redis stops no request and keeps none waiting: until it is back each process counts for itself, from zero,
 * so that for a while a key may get as many times its limit as there are processes.
 */
export interface RateLimiter {
  take(key: string): Promise<Taken>
  close(): Promise<void>
}

export type Taken = { allowed: true } | { allowed: false; retryAfterSeconds: number }

export interface RateLimiterOptions {
  redisUrl: string | null
  perMinute: number
  logger: Logger
  prefix?: string
}

type Limiter = Pick<RateLimiterMemory, 'consume'>

const windowSeconds = 60
/** For as long a request may be kept by a Redis that has just fallen silent; those after it find it not ready. */
const redisMs = 500

export function createRateLimiter(options: RateLimiterOptions): RateLimiter {
  const { redisUrl, perMinute, logger, prefix = 'tracemend' } = options
  const window = { points: perMinute, duration: windowSeconds, keyPrefix: `${prefix}.rate` }
  const memory = new RateLimiterMemory(window)
  if (redisUrl === null) return { take: (key) => take(memory, key, logger), close: async () => {} }

  const redis = openRedis({
    url: redisUrl,
    name: 'tracemend-rate',
    logger,
    options: {
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      commandTimeout: redisMs,
      socketTimeout: redisMs,
    },
  })
  const shared = new RateLimiterRedis({
    ...window,
    storeClient: redis,
    rejectIfRedisNotReady: true,
    insuranceLimiter: memory,
    // A key that is over its limit is refused from memory, so that a flood does not become one on Redis.
    inMemoryBlockOnConsumed: perMinute,
  })
  return { take: (key) => take(shared, key, logger), close: async () => redis.disconnect() }
}

async function take(limiter: Limiter, key: string, logger: Logger): Promise<Taken> {
  try {
    await limiter.consume(key)
    return { allowed: true }
  } catch (refused) {
    if (refused instanceof RateLimiterRes) {
      return { allowed: false, retryAfterSeconds: Math.max(1, Math.ceil(refused.msBeforeNext / 1000)) }
    }
    // Not a refusal but a failure of the limiter, which is no reason to turn anybody away.
    logger.error({ err: refused }, 'a request could not be counted')
    return { allowed: true }
  }
}
