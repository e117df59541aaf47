import { type ChildProcess, type ExecFileSyncOptionsWithStringEncoding, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { until } from '../../test/harness/until.ts'
import { StartError } from '../errors.ts'
import { claimDataFolder, type DataFolder } from './data-folder.ts'
import { type EmbeddedPostgres, type EmbeddedPostgresOptions, startEmbeddedPostgres } from './embedded-postgres.ts'
import { createLogger } from './logger.ts'
import { findPostgresBinaries } from './postgres-binaries.ts'
import { findLauncher, findServerUser } from './postgres-user.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const logger = createLogger('silent')
const isRoot = process.getuid?.() === 0
let made: string
let base: string
let folder: DataFolder
let running: EmbeddedPostgres[]
let children: ChildProcess[]

beforeAll(async () => {
  made = await mkdtemp(join(tmpdir(), 'embedded-postgres-made-'))
  await (await startEmbeddedPostgres({ folder: made, logger })).stop()
})

afterAll(() => rm(made, { recursive: true }))

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'embedded-postgres-')))
  // As root the usual case is a folder that others may enter; mkdtemp's is the hard one and has its own test.
  await chmod(base, 0o755)
  folder = await claimDataFolder(join(base, 'data'))
  running = []
  children = []
})

afterEach(async () => {
  await Promise.all(running.map((server) => server.stop()))
  for (const child of children) await kill(child)
  await folder.release()
  await rm(base, { recursive: true })
})

describe('a start', () => {
  test('makes the database, the next one finds its data again', async () => {
    const first = await start()
    expect(new URL(first.url)).toMatchObject({ hostname: '127.0.0.1', pathname: '/tracemend' })
    await query(first.url, 'create table kept as select 42 as answer')
    await first.stop()
    const second = await start()
    expect(await query(second.url, 'select answer from kept')).toEqual([{ answer: 42 }])
  })

  test('gives an ordinary role that may make databases, and text in byte order with Unicode letters', async () => {
    await takeMadeData()
    const { url } = await start({ settings: {} })
    const [role] = await query(url, 'select rolsuper, rolcreatedb from pg_roles where rolname = current_user')
    expect(role).toEqual({ rolsuper: false, rolcreatedb: true })
    await query(url, 'create extension pg_trgm')
    const [text] = await query(
      url,
      `select array(select x from unnest('{é,b,A,a,B}'::text[]) x order by x) as ordered, lower('É') as lower,
        show_trgm('дом') <> '{}' as letters, current_setting('fsync') as fsync, current_setting('jit') as jit`,
    )
    expect(text).toEqual({ ordered: ['A', 'B', 'a', 'b', 'é'], lower: 'é', letters: true, fsync: 'on', jit: 'off' })
  })

  test('lets nobody in without the password, which only the owner can read', async () => {
    await takeMadeData()
    const { url } = await start()
    const wrong = new URL(url)
    wrong.password = 'wrong'
    await expect(query(wrong.href, 'select 1')).rejects.toThrow(/password authentication failed/)
    expect((await stat(join(folder.path, 'postgres.password'))).mode & 0o777).toBe(0o600)
  })

  test('takes the settings and the port it is given, and says when the port is taken', async () => {
    await takeMadeData()
    const listener = createServer().listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const { port } = listener.address() as { port: number }
    await expect(start({ port })).rejects.toThrow(new RegExp(`127.0.0.1:${port}[^]*Address already in use`))
    listener.close()
    await once(listener, 'close')
    const server = await start({ port, settings: { work_mem: '8MB' } })
    expect(new URL(server.url).port).toBe(String(port))
    expect(await query(server.url, 'show work_mem')).toEqual([{ work_mem: '8MB' }])
  })

  test.runIf(isRoot)('works below a folder that only root may enter', async () => {
    await chmod(base, 0o700)
    const server = await start()
    const status = await readFile(`/proc/${server.pid}/status`, 'utf8')
    expect(status).not.toMatch(/^Uid:.*\t0\b/m)
    expect(status).toMatch(/^CapEff:\t000000000000000[24]$/m)
    await server.stop()
    await start()
  })

  test('refuses data of another PostgreSQL, and a folder that is no data directory', async () => {
    await mkdir(join(folder.path, 'postgres'))
    await writeFile(join(folder.path, 'postgres', 'note'), 'mine')
    await expect(start()).rejects.toThrow(/is no PostgreSQL data directory/)
    await writeFile(join(folder.path, 'postgres', 'PG_VERSION'), '9\n')
    await expect(start()).rejects.toThrow(/written by PostgreSQL 9, and this release brings PostgreSQL \d\d/)
    expect(await readdir(folder.path)).not.toContainEqual(expect.stringContaining('unfinished'))
  })

  test('says so when the password file was lost', async () => {
    await takeMadeData()
    await (await start()).stop()
    await rm(join(folder.path, 'postgres.password'))
    const refusal = await start().catch((error) => error)
    expect(refusal).toBeInstanceOf(StartError)
    expect(refusal.message).toContain('postgres.password')
    expect(await processesIn(folder.path)).toEqual([])
  })
})

describe('a stop', () => {
  test('leaves no process, and is not reported as a loss', async () => {
    await takeMadeData()
    const onLost = vi.fn()
    const server = await start({ onLost })
    expect(await processesIn(folder.path)).not.toEqual([])
    await Promise.all([server.stop(), server.stop()])
    expect(await processesIn(folder.path)).toEqual([])
    expect(onLost).not.toHaveBeenCalled()
  })

  test('does not wait for clients', async () => {
    await takeMadeData()
    const server = await start()
    const sleeping = query(server.url, 'select pg_sleep(600)').catch((error) => error.code)
    await until(async () => (await query(server.url, sleepers)).length === 1)
    await server.stop()
    expect(await sleeping).toBe('57P01')
  })
})

describe('after a crash', () => {
  test('of ours, the PostgreSQL left behind is taken down, and what was committed is there', async () => {
    await takeMadeData()
    await folder.release()
    const owner = startOwner()
    const [line] = await once(owner.stdout, 'data')
    const { url, pid } = JSON.parse(String(line))
    await query(url, 'create table kept as select 42 as answer')
    await expect(claimDataFolder(folder.path)).rejects.toThrow(`in use by process ${owner.pid} since`)
    await kill(owner)
    expect(await processesIn(folder.path)).toContain(pid)
    folder = await claimDataFolder(folder.path)
    const server = await start()
    expect(await processesIn(folder.path)).not.toContain(pid)
    expect(await query(server.url, 'select answer from kept')).toEqual([{ answer: 42 }])
  })

  test('of the server, its owner is told, and its busy backend does not outlive the next start', async () => {
    await takeMadeData()
    const onLost = vi.fn<(reason: string) => void>()
    const server = await start({ onLost })
    const busy = query(server.url, busyMinute).catch(() => 'ended')
    await until(async () => (await query(server.url, loopers)).length === 1)
    process.kill(server.pid, 'SIGKILL')
    await until(async () => onLost.mock.calls.length > 0)
    expect(onLost).toHaveBeenCalledExactlyOnceWith('ended by SIGKILL')
    // Only the one that is too busy to notice is left.
    await until(async () => (await processesIn(folder.path)).length === 1)
    await start()
    expect(await busy).toBe('ended')
  })

  test('in the middle of the first start, the data directory is made anew', async () => {
    await folder.release()
    const owner = startOwner()
    await until(async () => {
      const unfinished = (await readdir(folder.path)).find((name) => name.includes('unfinished'))
      return unfinished ? stat(join(folder.path, unfinished, 'data', 'global')).catch(() => null) : null
    })
    await kill(owner)
    expect(await readdir(folder.path)).not.toContain('postgres')
    folder = await claimDataFolder(folder.path)
    const server = await start()
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
    expect(await readdir(folder.path)).not.toContainEqual(expect.stringContaining('unfinished'))
  })

  test('a postmaster.pid that names a stranger is not believed, and the stranger lives on', async () => {
    await takeMadeData()
    await (await start()).stop()
    const { uid, gid } = await stat(join(folder.path, 'postgres'))
    const stranger = spawn('sleep', ['600'], isRoot ? { uid, gid, cwd: '/' } : {})
    children.push(stranger)
    const dataDirectory = join(folder.path, 'postgres')
    await writeFile(
      join(dataDirectory, 'postmaster.pid'),
      `${stranger.pid}\n${dataDirectory}\n1\n5432\n\n\n1 1\nready\n`,
    )
    await start()
    expect(stranger.exitCode ?? stranger.signalCode).toBeNull()
  })
})

const sleepers = `select 1 from pg_stat_activity where wait_event = 'PgSleep'`
/** Ends by itself, should this test be killed. */
const busyMinute = `do $$ begin while clock_timestamp() < now() + interval '1 min' loop end loop; end $$`
const loopers = `select 1 from pg_stat_activity where query like 'do $$%' and state = 'active'`

/** Saves the seconds of a first start where it is not what is tested; as root also hands over data that root owns. */
async function takeMadeData(): Promise<void> {
  await cp(made, folder.path, { recursive: true, filter: (path) => !path.endsWith('.log') })
}

async function start(options: Partial<EmbeddedPostgresOptions> = {}): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ folder: folder.path, logger, settings: { fsync: 'off' }, ...options })
  running.push(server)
  return server
}

/** Another process that claims the folder, starts the server and says where it is. */
function startOwner() {
  const from = (file: string) => JSON.stringify(new URL(file, import.meta.url).href)
  const script = `
    import { claimDataFolder } from ${from('./data-folder.ts')}
    import { startEmbeddedPostgres } from ${from('./embedded-postgres.ts')}
    import { createLogger } from ${from('./logger.ts')}
    const { path } = await claimDataFolder(${JSON.stringify(folder.path)})
    console.log(JSON.stringify(await startEmbeddedPostgres({ folder: path, logger: createLogger('silent') })))`
  const args = ['--import', 'tsx', '--input-type=module', '-e', script]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  return child
}

async function query(url: string, sql: string) {
  const client = new Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  return (await client.query(sql).finally(() => client.end())).rows
}

/** Servers, by the folder they work in: backends have no other mark. Their own user is asked, as root may not see it. */
async function processesIn(path: string): Promise<number[]> {
  const dataDirectory = join(path, 'postgres')
  const { postgres } = await findPostgresBinaries()
  const launcher = await findLauncher(await findServerUser(dataDirectory), postgres, path)
  const script = 'cd /proc; for pid in [0-9]*; do [ "$pid/cwd" -ef "$0" ] && echo "$pid"; done; true'
  const { program, args, options } = launcher.prepare('/bin/sh', ['-c', script, dataDirectory])
  const pids = execFileSync(program, args, { ...options, encoding: 'utf8' } as ExecFileSyncOptionsWithStringEncoding)
  return pids.split('\n').filter(Boolean).map(Number)
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}
