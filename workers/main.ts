import { StartError } from '../src/errors.ts'
import { runProcess } from '../src/process.ts'

// Not at the top: the larger part of the program is loaded while the database is looked for.
const loading = Promise.all([import('../src/services.ts'), import('./run.ts')])

/** `npm run start:worker`: works off jobs, beside any number of others, for APIs on the same database. */
await runProcess(
  async (context) => {
    const [{ createServices }, { runWorkers }] = await loading
    await runWorkers(context, createServices({ ...context, ...context.resources, ...context.config }))
    process.stdout.write('\n  Tracemend works off jobs. Ctrl-C ends it.\n\n')
  },
  ({ databaseUrl }) => {
    if (databaseUrl) return
    throw new StartError(
      'A worker of its own needs DATABASE_URL (and TRACEMEND_SECRET): it shares the database with an API. ' +
        '`npm start` has its workers inside.',
    )
  },
)
