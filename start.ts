import { runProcess } from './src/process.ts'
import { welcome } from './src/welcome.ts'

// Not at the top: the larger part of the program is loaded while PostgreSQL starts.
const loading = Promise.all([import('./src/app.ts'), import('./workers/run.ts')])

/** `npm start`: everything in one process. TRACEMEND_WORKERS=none leaves the workers out. */
await runProcess(async (context) => {
  const [{ createApp }, { runWorkers }] = await loading
  const app = createApp(context)
  if (context.config.workers === 'inline') {
    const workers = await runWorkers(context, app.services)
    app.watch('workers', () => workers.ping())
  }
  const address = await app.listen()
  process.stdout.write(welcome(address, context.resources.firstKey))
})
