/**
 * The README's promise, tried: `npm start` with nothing set comes up and prints a curl line that works when pasted,
 * Ctrl-C ends everything with exit code 0 and leaves no process. A second start on the same data keeps the key.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

const startLimitMs = 180_000
const stopLimitMs = 30_000
const isSetting = /^(TRACEMEND_|DATABASE_URL$|REDIS_URL$|HOST$|PORT$|npm_)/
const run = promisify(execFile)

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'smoke-')))
// Where we are root, PostgreSQL runs as another user and has to get in.
chmodSync(folder, 0o755)
const data = join(folder, 'data')

interface Started {
  npm: ChildProcess
  url: string
  curl: string | null
  seconds: number
}

let npm: ChildProcess | undefined
try {
  const first = await start((said) => said.url !== null && said.curl !== null)
  await ask(first.curl ?? '')
  console.log(`smoke: first start answers after ${first.seconds.toFixed(1)} s`)
  // A terminal sends Ctrl-C to the whole process group.
  await stop(first.npm, (pid) => process.kill(-pid, 'SIGINT'))

  const second = await start((said) => said.url !== null)
  await ask((first.curl ?? '').replaceAll(first.url, second.url))
  console.log(`smoke: second start answers after ${second.seconds.toFixed(1)} s, to the same key`)
  await stop(second.npm, (pid) => process.kill(pid, 'SIGINT'))
  console.log('smoke: both ended with exit code 0 and left no process')
} finally {
  if (npm?.pid && npm.exitCode === null && npm.signalCode === null) process.kill(-npm.pid, 'SIGKILL')
  for (const { pid } of await processesOf(data)) process.kill(pid, 'SIGKILL')
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}

interface Said {
  url: string | null
  curl: string | null
}

async function start(isUp: (said: Said) => boolean): Promise<Started> {
  const begun = performance.now()
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !isSetting.test(name)))
  const child = spawn('npm', ['start'], {
    detached: true,
    env: { ...environment, PORT: '0', TRACEMEND_DATA: data },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  npm = child
  const said: Said = { url: null, curl: null }
  const up = new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => reject(new Error(`npm start ended with ${code} before it was up`)))
    createInterface({ input: child.stdout }).on('line', (line) => {
      console.log(`  | ${line.replace(/tm_\w+/g, 'tm_…')}`)
      said.url ??= /http:\/\/127\.0\.0\.1:\d+\/graphql/.exec(line)?.[0] ?? null
      if (/^\s*curl /.test(line)) said.curl ??= line.trim()
      if (isUp(said)) resolve()
    })
  })
  await within(startLimitMs, up, `npm start did not say where GraphQL is${said.url ? '' : ', or no curl line'}`)
  return { npm: child, url: said.url ?? '', curl: said.curl, seconds: (performance.now() - begun) / 1000 }
}

async function ask(curl: string): Promise<void> {
  const { stdout } = await run('bash', ['-c', curl], { timeout: 30_000 })
  const answer: { data?: unknown; errors?: unknown } = JSON.parse(stdout)
  if (!answer.data || answer.errors) throw new Error(`The curl line was answered with: ${stdout}`)
}

async function stop(child: ChildProcess, interrupt: (pid: number) => void): Promise<void> {
  if (!child.pid) throw new Error('npm start has no process id')
  const closed = once(child, 'close')
  interrupt(child.pid)
  const [code, signal] = await within(stopLimitMs, closed, 'npm start did not end after SIGINT')
  if (code !== 0) throw new Error(`After SIGINT npm start ended with ${signal ?? code}, expected 0`)
  const left = await processesOf(data)
  if (left.length > 0)
    throw new Error(`Left running:\n${left.map(({ pid, command }) => `${pid} ${command}`).join('\n')}`)
}

async function within<T>(limitMs: number, promise: Promise<T>, message: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${message} (${limitMs / 1000} s)`)), limitMs)
  })
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer))
}

interface Running {
  pid: number
  command: string
}

/** Those that name the folder or work in it: PostgreSQL's children rename themselves but stay there. */
async function processesOf(path: string): Promise<Running[]> {
  const all = process.platform === 'linux' ? fromProc() : await fromPs()
  return all.filter(({ pid, command }) => pid !== process.pid && command.includes(path))
}

function fromProc(): Running[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ')
        return [{ pid: Number(name), command: `${command} in ${readlinkSync(`/proc/${name}/cwd`)}` }]
      } catch {
        return []
      }
    })
}

async function fromPs(): Promise<Running[]> {
  const { stdout } = await run('ps', ['-axo', 'pid=,command='])
  return stdout
    .trim()
    .split('\n')
    .map((line) => ({ pid: Number.parseInt(line, 10), command: line.trim().replace(/^\d+\s+/, '') }))
}
