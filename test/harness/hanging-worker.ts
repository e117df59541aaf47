import { createLogger } from '../../src/infra/logger.ts'
import { startWorkers } from '../../src/infra/workers.ts'
import { longJob } from './long-job.ts'

/** A worker process for a test to kill: it takes one job, says so, and never finishes. Its options are JSON in argv. */
const options = JSON.parse(process.argv[2] ?? '{}')

await startWorkers({
  ...options,
  logger: createLogger('warn'),
  concurrency: 1,
  handlers: [
    {
      contract: longJob,
      async handle() {
        process.stdout.write('taken\n')
        await new Promise(() => {})
      },
    },
  ],
})
