import { Queue as BullQueue, Worker } from 'bullmq'
import { ReplyError } from 'ioredis'
import type { Logger } from './logger.ts'
import { eventTail, type QueueBackend } from './queue-backend.ts'
import { connectRedis } from './redis.ts'

/**
 * BullMQ on Redis. Those who enqueue share a connection that gives up soon, because somebody waits for an answer;
 * workers share one that waits for Redis as long as it takes, and each makes its blocking one after the same pattern.
 */
export async function openRedisQueueBackend(
  redisUrl: string,
  use: 'enqueue' | 'work',
  logger: Logger,
): Promise<QueueBackend> {
  const redis = await connectRedis({ url: redisUrl, logger, ...connections[use] })

  function report(error: Error): void {
    // The connection says itself when it is lost; BullMQ repeats it for each queue and worker.
    if (isOutage(error)) logger.trace({ err: error }, 'the queue met an outage')
    else logger.warn({ err: error }, 'the queue reported an error')
  }

  return {
    openQueue(name) {
      return new BullQueue(name, { connection: redis, streams: eventTail }).on('error', report)
    },
    startWorker({ name, process, options }) {
      return new Worker(name, process, { ...options, connection: redis }).on('error', report)
    },
    // Redis runs one script at a time, and everything BullMQ writes is one script; what was read before may be stale.
    inTurn: (_, work) => work(),
    async ping() {
      // Not asked for while it is away: a worker's connection would keep the question until it is back.
      if (redis.status !== 'ready') throw new Error(`the connection to Redis is ${redis.status}`)
      await redis.ping()
    },
    isOutage,
    async close() {
      redis.disconnect()
    },
  }
}

const connections = {
  enqueue: {
    name: 'tracemend-queue',
    options: { maxRetriesPerRequest: 0, commandTimeout: 5_000, socketTimeout: 10_000 },
  },
  // Longer than the ten seconds for which a waiting worker may block: silence for more is a dead connection.
  work: { name: 'tracemend-worker', options: { maxRetriesPerRequest: null, socketTimeout: 30_000 } },
}

/** Redis did not answer. What it answers, it answers as a ReplyError; LOADING and the like mean: not now. */
function isOutage(error: unknown): boolean {
  const { code, message = '' } = error as { code?: string; message?: string }
  if (error instanceof ReplyError) return /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|UNBLOCKED)/.test(message)
  return /^E[A-Z]+$/.test(code ?? '') || /connection|writeable|timed out|timeout|max retries/i.test(message)
}
