import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'

/** A Redis of one's own, empty: what tests and benches run with. */
export interface RedisServer {
  url: string
  port: number
  stop(): Promise<void>
  /** As an outage does it: without a word to its clients. */
  kill(): Promise<void>
}

/** Null where there is no `redis-server` in the PATH. */
export function findRedisServer(): string | null {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return folders.map((folder) => join(folder, 'redis-server')).find(isExecutable) ?? null
}

export interface RedisSettings {
  /** A free one of this machine where none is given. */
  port?: number | undefined
  /** Where it writes each second what it holds, as one that is to keep its jobs does; without it nothing is kept. */
  folder?: string
}

export async function startRedis({ port, folder }: RedisSettings = {}): Promise<RedisServer> {
  const program = findRedisServer()
  if (!program) throw new Error('no redis-server was found in PATH')
  const own = port ?? (await freePort())
  const settings = ['--port', String(own), '--bind', '127.0.0.1', '--save', '']
  const kept = folder === undefined ? ['--appendonly', 'no'] : ['--dir', folder, '--appendonly', 'yes']
  const server = spawn(program, [...settings, ...kept], { stdio: 'ignore' })
  const ended = once(server, 'exit')
  const url = `redis://127.0.0.1:${own}`

  async function end(signal: NodeJS.Signals): Promise<void> {
    server.kill(signal)
    await ended
  }

  try {
    while (!(await answers(url, server.exitCode))) await pause(20)
  } catch (error) {
    await end('SIGKILL')
    throw error
  }
  return { url, port: own, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') }
}

async function answers(url: string, exitCode: number | null): Promise<boolean> {
  if (exitCode !== null) throw new Error(`redis-server ended with ${exitCode}`)
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null })
  redis.on('error', () => {})
  try {
    await redis.connect()
    return (await redis.ping()) === 'PONG'
  } catch {
    return false
  } finally {
    redis.disconnect()
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return address.port
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
