import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { until } from './until.ts'

/** An example that runs until it is ended, as README says how. */
export interface Example {
  stdout: string
  stderr: string
  exitCode: number | NodeJS.Signals | null
  ended(): Promise<number | NodeJS.Signals>
  stop(): Promise<number | NodeJS.Signals>
}

export function startExample(name: string, { url, key }: { url: string; key: string | null }, ...given: string[]) {
  const env = { ...process.env, TRACEMEND_URL: url, TRACEMEND_KEY: key ?? '' }
  const child = spawn(process.execPath, ['--import', 'tsx', `examples/${name}`, ...given], { env })
  const example: Example = {
    stdout: '',
    stderr: '',
    exitCode: null,
    ended: () => until(() => example.exitCode !== null && { code: example.exitCode }).then(({ code }) => code),
    async stop() {
      child.kill('SIGTERM')
      return example.ended()
    },
  }
  child.stdout.setEncoding('utf8').on('data', (text) => {
    example.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    example.stderr += text
  })
  once(child, 'close').then(([code, signal]) => {
    example.exitCode = code ?? signal
  })
  return example
}
