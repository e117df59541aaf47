import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface Reference {
  address: string
  pid: number
  stop(): Promise<void>
}

/** A process of its own, as the product is one. `name` is a file in `bench/references`. */
export async function startReference(name: string, databaseUrl: string): Promise<Reference> {
  const file = fileURLToPath(new URL(`../references/${name}.ts`, import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', file], {
    env: { ...process.env, DATABASE_URL: databaseUrl },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  const address = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (text) => resolve(String(text).trim()))
    closed.then(() => reject(new Error(`the reference ${name} did not start`)), reject)
  })
  return {
    address,
    pid: child.pid ?? 0,
    async stop() {
      child.kill()
      await closed
    },
  }
}
