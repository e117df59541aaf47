import { StartError } from '../src/errors.ts'
import { runProcess } from '../src/process.ts'
import { createServices } from '../src/services.ts'
import { runWorkers } from './run.ts'

/** `npm run start:worker`: works off jobs, beside any number of others, for APIs on the same database. */
await runProcess(async (context) => {
  if (!context.config.databaseUrl) {
    throw new StartError(
      'A worker of its own needs DATABASE_URL (and TRACEMEND_SECRET): it shares the database with an API. ' +
        '`npm start` has its workers inside.',
    )
  }
  await runWorkers(context, createServices({ ...context, ...context.resources }))
  process.stdout.write('\n  Tracemend works off jobs. Ctrl-C ends it.\n\n')
})
