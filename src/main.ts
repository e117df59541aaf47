import { createApp } from './app.ts'
import { runProcess } from './process.ts'
import { welcome } from './welcome.ts'

/** `npm run start:api`: answers clients, and leaves the jobs to worker processes. */
await runProcess(async (context) => {
  const address = await createApp(context).listen()
  process.stdout.write(welcome(address, context.resources.firstKey))
})
