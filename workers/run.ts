import { startWorkers, type Workers } from '../src/infra/workers.ts'
import type { ProcessContext } from '../src/process.ts'
import type { Services } from '../src/services.ts'
import { createHandlers } from './handlers.ts'

/** Small jobs, mostly waiting for the database or for somebody's model. */
const concurrency = 4

/** Takes jobs until the process ends: in a process of its own, or within the API's. */
export async function runWorkers(
  { config, logger, closers, resources }: ProcessContext,
  services: Services,
): Promise<Workers> {
  const { databaseUrl } = resources
  const { redisUrl } = config
  const handlers = createHandlers(services)
  const workers = await startWorkers({ databaseUrl, redisUrl, logger, handlers, concurrency })
  closers.add('workers', () => workers.close(), 20_000)
  return workers
}
