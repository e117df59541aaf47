import { runProcess } from './process.ts'
import { welcome } from './welcome.ts'

// Not at the top: the larger part of the program is loaded while PostgreSQL starts.
const loading = import('./app.ts')

/** `npm run start:api`: answers clients, and leaves the jobs to worker processes. */
await runProcess(async (context) => {
  const { createApp } = await loading
  const address = await createApp(context).listen()
  process.stdout.write(welcome(address, context.resources.firstKey))
})
