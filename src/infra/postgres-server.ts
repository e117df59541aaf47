import { type ChildProcess, spawn } from 'node:child_process'
import { open, readFile, rename, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { StartError } from '../errors.ts'
import type { Launcher } from './postgres-user.ts'

/**
 * One run of the server program, from the spawn until its end. It is a session leader of its own, so that Ctrl-C in a
 * terminal reaches us alone and we stop it when we have drained; and our direct child, so that we learn of its end at
 * once. (`pg_ctl -w` offers neither, and looks for readiness only every 100 ms.) Ready is what PostgreSQL itself
 * writes into postmaster.pid. Should our process end without stopping it, it is told to on the way out.
 */
export interface PostgresServer {
  readonly pid: number
  readonly port: number
  readonly exited: Promise<string>
  stop(): Promise<void>
}

export interface ServerOptions {
  postgres: string
  launcher: Launcher
  dataDirectory: string
  logFile: string
  settings: Record<string, string>
  port?: number | undefined
}

const attempts = 5
const readyWithinMs = 120_000
const fastStopMs = 15_000
const immediateStopMs = 5_000
const maxLogBytes = 5_000_000

/** A free port may be taken by another between our looking and PostgreSQL's listening: then the next one is tried. */
export async function startPostgresServer(options: ServerOptions): Promise<PostgresServer> {
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await findFreePort())
    const { child, logStart } = await launch(options, port)
    const server = supervise(child, port)
    const failure = await untilReady(child, server, options)
    if (failure === null) return server
    await server.stop()
    const said = await logSince(options.logFile, logStart)
    const isPortTaken = said.includes('Address already in use')
    if (isPortTaken && options.port === undefined && attempt < attempts) continue
    throw new StartError(`PostgreSQL did not start on 127.0.0.1:${port}: ${failure}. ${options.logFile} says:\n${said}`)
  }
}

async function launch({ postgres, launcher, dataDirectory, logFile, settings }: ServerOptions, port: number) {
  if ((await logSize(logFile)) > maxLogBytes) await rename(logFile, `${logFile}.1`)
  const log = await open(logFile, 'a', 0o600)
  try {
    const all = Object.entries({ ...settings, port: String(port) })
    const args = ['-D', dataDirectory, ...all.flatMap(([name, value]) => ['-c', `${name}=${value}`])]
    const call = launcher.prepare(postgres, args)
    const logStart = await logSize(logFile)
    const child = spawn(call.program, call.args, { ...call.options, detached: true, stdio: ['ignore', log.fd, log.fd] })
    return { child, logStart }
  } finally {
    await log.close()
  }
}

function supervise(child: ChildProcess, port: number): PostgresServer {
  let hasExited = false
  const exited = new Promise<string>((resolve) => {
    // Also emitted when a signal could not be sent, which is not its end.
    child.on('error', (error) => child.pid === undefined && resolve(`could not be run: ${error.message}`))
    child.once('exit', (code, signal) => resolve(signal ? `ended by ${signal}` : `ended with code ${code}`))
  }).finally(() => {
    hasExited = true
    process.off('exit', lastWord)
  })
  const lastWord = () => child.kill('SIGINT')
  process.once('exit', lastWord)

  async function isGoneAfter(signal: NodeJS.Signals, waitMs: number): Promise<boolean> {
    const timer = new AbortController()
    child.kill(signal)
    await Promise.race([exited, delay(waitMs, undefined, { signal: timer.signal })])
    timer.abort()
    return hasExited
  }

  async function stop(): Promise<void> {
    if (hasExited) return
    if (await isGoneAfter('SIGINT', fastStopMs)) return
    if (await isGoneAfter('SIGQUIT', immediateStopMs)) return
    child.kill('SIGKILL')
    await exited
  }

  let stopping: Promise<void> | undefined
  return {
    pid: child.pid ?? 0,
    port,
    exited,
    stop() {
      stopping ??= stop()
      return stopping
    },
  }
}

/** Null when it is ready, else why it is not. */
async function untilReady(child: ChildProcess, server: PostgresServer, { dataDirectory }: ServerOptions) {
  const deadline = performance.now() + readyWithinMs
  let ended: string | undefined
  server.exited.then((reason) => {
    ended = reason
  })
  while (performance.now() < deadline) {
    const lines = (await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')
    if (ended !== undefined) return `it ${ended}`
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return null
    await delay(3)
  }
  return `it was not ready after ${readyWithinMs / 1000} s`
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

const logSize = async (path: string): Promise<number> => (await stat(path).catch(() => null))?.size ?? 0

async function logSince(path: string, start: number): Promise<string> {
  const text = (await readFile(path)).subarray(start).toString('utf8')
  return text.trim().split('\n').slice(-10).join('\n')
}
