import { Redis, type RedisOptions } from 'ioredis'
import { UnavailableError } from '../errors.ts'
import type { Logger } from './logger.ts'
import { createOutage } from './outage.ts'

/**
 * A Redis connection that finds its own way back: it reconnects for as long as it lives, a second apart at
 * most, says so once per outage, and never throws an error event at the process.
 * What happens to a command that meets an outage is for the owner to choose, in `options`.
 */
export interface RedisConnection {
  url: string
  /** Shown in CLIENT LIST and in the log: `tracemend-bus`. */
  name: string
  logger: Logger
  options?: ConnectionOptions
}

/** How replies are shaped is part of the client's type, so it is not an option here. */
type ConnectionOptions = Omit<RedisOptions, 'replyMapping'>

const connectTimeoutMs = 5_000

export function openRedis({ url, name, logger, options }: RedisConnection): Redis {
  const all: ConnectionOptions = {
    connectionName: name,
    connectTimeout: connectTimeoutMs,
    keepAlive: 10_000,
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 6), 1_000),
    ...options,
  }
  const redis = new Redis(url, all)
  const outage = createOutage(logger, `Redis (${name})`)
  redis.on('error', (error) => outage.began(error))
  redis.on('ready', () => outage.ended())
  return redis
}

/** Resolves when Redis has answered; when it can't be reached, nothing is left behind. */
export async function connectRedis(connection: RedisConnection): Promise<Redis> {
  const redis = openRedis({ ...connection, options: { ...connection.options, lazyConnect: true } })
  try {
    await redis.connect()
    return redis
  } catch (error) {
    redis.disconnect()
    throw new UnavailableError(
      `Redis at ${new URL(connection.url).host} does not answer (${connection.name}). Check REDIS_URL.`,
      error,
    )
  }
}
