import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApp, type TestApp } from './harness/test-app.ts'

/** The line with which each example says that it has seen what it shows. */
const lastWords: Record<string, RegExp> = {
  'ingest-in-pieces.ts': /^same {3}one tree of 4 spans, 0\.0045 USD/m,
  'keys.ts': /^ended {2}UNAUTHENTICATED/m,
  'span-tree.ts': /^tree {3}5 spans of one request/m,
}

let app: TestApp

beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.close())

const examples = (await readdir('examples')).filter((name) => name.endsWith('.ts'))

test.each(examples)('examples/%s runs as README says', async (name) => {
  const env = { ...process.env, TRACEMEND_URL: app.url, TRACEMEND_KEY: app.backend.operatorKey }
  const { stdout } = await promisify(execFile)('node', ['--import', 'tsx', `examples/${name}`], { env })
  expect(stdout).toMatch(lastWords[name] ?? /an example needs its last words here/)
})
