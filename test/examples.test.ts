import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApp, type TestApp } from './harness/test-app.ts'

/** The line with which each example says that it has seen what it shows. */
const lastWords: Record<string, RegExp> = {
  'keys.ts': /^ended {2}UNAUTHENTICATED/m,
}

let app: TestApp

beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.close())

test.each(await readdir('examples'))('examples/%s runs as README says', async (name) => {
  const env = { ...process.env, TRACEMEND_URL: app.url, TRACEMEND_KEY: app.backend.operatorKey }
  const { stdout } = await promisify(execFile)('node', ['--import', 'tsx', `examples/${name}`], { env })
  expect(stdout).toMatch(lastWords[name] ?? /an example needs its last words here/)
})
