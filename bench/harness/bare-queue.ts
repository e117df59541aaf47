import { createLogger } from '../../src/infra/logger.ts'
import { type BackendOptions, openQueueBackend } from '../../src/infra/queue.ts'

/** A queue and a worker of BullMQ's own, on connections as the product makes them, with nothing around them. */
export interface BareQueue {
  /** Milliseconds from before a job is added until it is handled. */
  pass(): Promise<number>
  close(): Promise<void>
}

const name = 'bench.bare'
/** What a job of the product holds. */
const payload = { tenantId: 't_0123456789abcdefghij', runId: 'run_0123456789abcdefghijklmn' }

export async function openBareQueue(backend: Pick<BackendOptions, 'databaseUrl' | 'redisUrl'>): Promise<BareQueue> {
  const options = { ...backend, logger: createLogger('warn') }
  const [toAdd, toWork] = [await openQueueBackend(options, 0), await openQueueBackend(options, 1)]
  const queue = toAdd.openQueue(name)
  let handle = () => {}
  const worker = toWork.startWorker({ name, process: async () => handle(), options: { concurrency: 20 } })
  await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()])
  return {
    async pass() {
      const handled = new Promise<number>((resolve) => {
        handle = () => resolve(performance.now())
      })
      const begun = performance.now()
      await queue.add(name, payload, { removeOnComplete: true })
      return (await handled) - begun
    },
    async close() {
      await Promise.all([queue.close(), worker.close()])
      await Promise.all([toAdd.close(), toWork.close()])
    },
  }
}
