import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** So that the process that is started is the one that is measured. What it runs must have been built. */
const withoutNpm = [process.execPath, '--enable-source-maps', 'dist/start.js']
const isSetting = /^(TRACEMEND_|DATABASE_URL$|REDIS_URL$|HOST$|PORT$|npm_)/

/** The product as a person starts it, in a process group of its own, on the given data folder. */
export interface Product {
  pid: number
  address: string
  /** What it has said as its first key, if this was its first start. */
  firstKey: string | null
  postgresPid: number
  stop(): Promise<void>
}

export async function startProduct(
  dataFolder: string,
  command: readonly string[] = withoutNpm,
  settings: Record<string, string> = {},
): Promise<Product> {
  const inherited = Object.entries(process.env).filter(([name]) => !isSetting.test(name))
  const env = { ...Object.fromEntries(inherited), PORT: '0', TRACEMEND_DATA: dataFolder, ...settings }
  const [program = 'npm', ...args] = command
  const child = spawn(program, args, { cwd: root, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const closed = once(child, 'close')
  let stdout = ''
  let stderr = ''
  child.stderr.on('data', (text) => {
    stderr += text
  })
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (text) => {
      stdout += text
      if (/^\s*curl /m.test(stdout)) resolve()
    })
    closed.then(([code]) => reject(new Error(`${command.join(' ')} ended with ${code}: ${stderr}`)), reject)
  })
  const pid = child.pid ?? 0
  return {
    pid,
    address: /GraphQL\s+(\S+)\/graphql/.exec(stdout)?.[1] ?? '',
    firstKey: /Your key\s+(\S+)/.exec(stdout)?.[1] ?? null,
    postgresPid: Number(/"pid":(\d+).*PostgreSQL started/.exec(stderr)?.[1]),
    async stop() {
      // As Ctrl-C in a terminal does: to all of them.
      process.kill(-pid, 'SIGINT')
      await closed
    },
  }
}

export async function buildProduct(): Promise<void> {
  await promisify(execFile)('node', ['scripts/build.mjs'], { cwd: root })
}

/** The query of the curl line that a start prints. */
export async function askViewer(address: string, key: string): Promise<void> {
  const response = await fetch(`${address}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: '{"query":"{ viewer { tenant { name } scopes } }"}',
  })
  const answer = (await response.json()) as { data?: { viewer?: unknown } }
  if (!answer.data?.viewer) throw new Error(`the query was answered with ${JSON.stringify(answer)}`)
}

/** A folder that may be entered by the user that PostgreSQL runs as where we are root. */
export async function withFolder<Result>(use: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'tracemend-bench-')))
  await chmod(folder, 0o755)
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}
