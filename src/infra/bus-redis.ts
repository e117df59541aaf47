import type { Redis } from 'ioredis'
import type { BusEars, BusWire } from './bus-wire.ts'
import { connectRedis } from './redis.ts'

/**
 * One connection that is subscribed to one channel, one that publishes; a topic is a message. Both reconnect by
 * themselves; a subscriber that is back subscribes first and reports a gap then, so nothing can fall between.
 * Nothing is queued while Redis is away: a refused topic stays with its sender, who merges it with later ones.
 */
export async function openRedisWire(redisUrl: string, ears: BusEars): Promise<BusWire> {
  const { channel, logger } = ears
  const connection = {
    url: redisUrl,
    logger,
    options: {
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      autoResubscribe: false,
      commandTimeout: 2_000,
    },
  }
  const publisher = await connectRedis({ ...connection, name: 'tracemend-bus' })
  const subscriber = await connectSubscriber()

  async function connectSubscriber(): Promise<Redis> {
    try {
      const redis = await connectRedis({ ...connection, name: 'tracemend-bus-listener' })
      await redis.subscribe(channel)
      return redis
    } catch (error) {
      publisher.disconnect()
      throw error
    }
  }

  async function listenAgain(): Promise<void> {
    try {
      await subscriber.subscribe(channel)
      ears.onGap()
    } catch {
      subscriber.disconnect(true)
    }
  }

  subscriber.on('message', (_, topic) => ears.onTopic(topic))
  subscriber.on('ready', listenAgain)

  return {
    async send(topics) {
      const publishing = publisher.pipeline()
      for (const topic of topics) publishing.publish(channel, topic)
      const results = (await publishing.exec()) ?? []
      const failed = results.find(([error]) => error)
      if (failed) throw failed[0]
    },
    async ping() {
      await Promise.all([publisher.ping(), subscriber.ping()])
    },
    reset(error) {
      logger.debug({ err: error }, 'the connections of the bus are made anew')
      for (const redis of [publisher, subscriber]) {
        // One that is already on its way back is left alone: to disconnect it would only start its wait again.
        if (redis.status === 'ready') redis.disconnect(true)
      }
    },
    async close() {
      subscriber.off('ready', listenAgain)
      publisher.disconnect()
      subscriber.disconnect()
    },
  }
}
