import { Redis } from 'ioredis'
import { Client } from 'pg'

/** The least that telling another connection takes: what is said on one of them is heard on the other. */
export interface Bell {
  name: string
  /** Milliseconds until it was heard. */
  ring(): Promise<number>
  close(): Promise<void>
}

const channel = 'bench_round_trip'

export async function openNotifyBell(databaseUrl: string): Promise<Bell> {
  const [listener, notifier] = [new Client(databaseUrl), new Client(databaseUrl)]
  await Promise.all([listener.connect(), notifier.connect()])
  await listener.query(`listen ${channel}`)
  const heard = createHeard()
  listener.on('notification', heard.tell)
  return {
    name: 'LISTEN/NOTIFY',
    ring: () => heard.after(() => notifier.query(`notify ${channel}`)),
    close: async () => void (await Promise.all([listener.end(), notifier.end()])),
  }
}

export async function openRedisBell(redisUrl: string): Promise<Bell> {
  const [listener, publisher] = [new Redis(redisUrl), new Redis(redisUrl)]
  await listener.subscribe(channel)
  const heard = createHeard()
  listener.on('message', heard.tell)
  return {
    name: 'Redis',
    ring: () => heard.after(() => publisher.publish(channel, '')),
    async close() {
      listener.disconnect()
      publisher.disconnect()
    },
  }
}

/** One at a time. */
function createHeard() {
  let hear = () => {}
  return {
    tell: () => hear(),
    async after(say: () => Promise<unknown>): Promise<number> {
      const begun = performance.now()
      const heard = new Promise<number>((resolve) => {
        hear = () => resolve(performance.now() - begun)
      })
      await say()
      return heard
    },
  }
}
