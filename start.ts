import { runProcess } from './src/process.ts'

// Not at the top: the larger part of the program is loaded while PostgreSQL starts.
const loading = Promise.all([import('./src/app.ts'), import('./src/welcome.ts'), import('./workers/run.ts')])

/** `npm start`: everything in one process. TRACEMEND_WORKERS=none leaves the workers out. */
await runProcess(async (context) => {
  const [{ createApp }, { welcome }, { runWorkers }] = await loading
  const app = createApp(context)
  if (context.config.workers === 'inline') await runWorkers(context, app.services)
  const address = await app.listen()
  process.stdout.write(welcome(address, context.resources.firstKey))
})
