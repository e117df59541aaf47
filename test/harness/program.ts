import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, readFile, readlink, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LogLine } from './recorded-log.ts'
import type { TestBackend } from './test-app.ts'
import { until } from './until.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const isSetting = /^(TRACEMEND_|DATABASE_URL$|REDIS_URL$|HOST$|PORT$|NODE_OPTIONS$|VITEST)/

/** A real process of ours, as a person or an orchestrator starts it. It has recorded everything since it began. */
export interface Program {
  pid: number
  stdout: string
  stderr: string
  /** Null while it runs; 0 and upwards, or the name of the signal that it died of. */
  exitCode: number | NodeJS.Signals | null
  /** The lines of its log with this text. */
  logged(text: string): LogLine[]
  /** Resolves with where it listens. */
  address(): Promise<string>
  firstKey(): string | null
  curl(): string
  send(signal: NodeJS.Signals): void
  ended(): Promise<number | NodeJS.Signals>
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>
}

/** For a process beside the app of a test. */
export function settingsOf({ database, redis, secret, operatorKey }: TestBackend): Record<string, string> {
  return {
    DATABASE_URL: database.url,
    TRACEMEND_SECRET: secret.toString('base64'),
    TRACEMEND_OPERATOR_KEY: operatorKey,
    ...(redis && { REDIS_URL: redis.url }),
  }
}

export type Entry = 'start.ts' | 'src/main.ts' | 'workers/main.ts'

/** The programs of a test, and a data folder that does not exist yet. After `end` nothing of them is left. */
export interface Programs {
  dataFolder: string
  start(settings?: Record<string, string>, entry?: Entry): Program
  /** SIGKILL to all that work in the folder, PostgreSQL too. */
  crash(): Promise<void>
  end(): Promise<void>
}

export async function createPrograms(): Promise<Programs> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'tracemend-program-')))
  // Where we are root, PostgreSQL runs as another user and has to get in.
  await chmod(folder, 0o755)
  const dataFolder = join(folder, 'data')
  const started: Program[] = []
  async function crash(): Promise<void> {
    for (const pid of await processesOf(dataFolder)) kill(pid)
    await until(async () => (await processesOf(dataFolder)).length === 0)
  }
  return {
    dataFolder,
    start(settings = {}, entry = 'start.ts') {
      const program = run(entry, { TRACEMEND_DATA: dataFolder, PORT: '0', ...settings })
      started.push(program)
      return program
    },
    crash,
    async end() {
      await Promise.all(started.map((program) => program.exitCode ?? program.stop('SIGTERM')))
      await crash()
      await rm(folder, { recursive: true, maxRetries: 5 })
    },
  }
}

/** What `npm start` runs; the global setup has built it. */
function bundleOf(entry: Entry): string {
  return `dist/${entry.replace(/ts$/, 'js')}`
}

function run(entry: Entry, settings: Record<string, string>): Program {
  const inherited = Object.entries(process.env).filter(([name]) => !isSetting.test(name))
  const env = { ...Object.fromEntries(inherited), ...settings }
  const child = spawn(process.execPath, ['--enable-source-maps', bundleOf(entry)], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const program: Program = {
    pid: child.pid ?? 0,
    stdout: '',
    stderr: '',
    exitCode: null,
    logged: (text) => logOf(program.stderr).filter(({ msg }) => msg.includes(text)),
    async address() {
      await until(() => program.stdout.includes('is up') || program.exitCode !== null)
      const address = /GraphQL\s+(\S+)\/graphql/.exec(program.stdout)?.[1]
      if (!address) throw new Error(`it ended with ${program.exitCode}: ${program.stderr}`)
      return address
    },
    firstKey: () => /Your key\s+(\S+)/.exec(program.stdout)?.[1] ?? null,
    curl: () => /^\s*(curl .*)$/m.exec(program.stdout)?.[1] ?? '',
    send: (signal) => void child.kill(signal),
    ended: () => until(() => program.exitCode),
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      return program.ended()
    },
  }
  record(child, program)
  return program
}

function record(child: ChildProcess, program: Program): void {
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    program.stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    program.stderr += text
  })
  // Not `exit`: what it said last has been read, too. PostgreSQL, should it be left, holds neither of its pipes.
  once(child, 'close').then(([code, signal]) => {
    program.exitCode = code ?? signal
  })
}

function logOf(stderr: string): LogLine[] {
  return stderr
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line))
}

/** Those that name the folder or work in it: PostgreSQL's children rename themselves but stay there. */
export async function processesOf(folder: string): Promise<number[]> {
  const all = (await readdir('/proc')).map(Number).filter((pid) => pid > 0 && pid !== process.pid)
  const found = await Promise.all(all.map(async (pid) => ((await marksOf(pid)).includes(folder) ? pid : null)))
  return found.filter((pid) => pid !== null)
}

async function marksOf(pid: number): Promise<string> {
  const marks = [readFile(`/proc/${pid}/cmdline`, 'utf8'), readlink(`/proc/${pid}/cwd`)]
  return (await Promise.all(marks.map((mark) => mark.catch(() => '')))).join(' ')
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It was faster.
  }
}
