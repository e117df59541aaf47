import { createApp } from './src/app.ts'
import { runProcess } from './src/process.ts'
import { welcome } from './src/welcome.ts'
import { runWorkers } from './workers/run.ts'

/** `npm start`: everything in one process. TRACEMEND_WORKERS=none leaves the workers out. */
await runProcess(async (context) => {
  const app = createApp(context)
  if (context.config.workers === 'inline') await runWorkers(context, app.services)
  const address = await app.listen()
  process.stdout.write(welcome(address, context.resources.firstKey))
})
