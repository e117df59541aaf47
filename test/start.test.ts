import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { cp, readdir, readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ViewerDocument } from './generated/documents.ts'
import { createGraphQLClient } from './harness/graphql-client.ts'
import { createPrograms, type Program, type Programs, processesOf } from './harness/program.ts'
import { until } from './harness/until.ts'

/** `npm start` with nothing set, as a newcomer runs it. Redis has no part in it, so one round is enough. */
describe.skipIf(process.env.TEST_WITH === 'redis')('a start on its own data folder', { timeout: 120_000 }, () => {
  let made: Programs
  let madeKey: string
  let firstStart: Program
  let programs: Programs

  beforeAll(async () => {
    made = await createPrograms()
    firstStart = made.start({ TRACEMEND_LOG_LEVEL: 'trace' })
    await firstStart.address()
    madeKey = firstStart.firstKey() ?? ''
    expect(await bash(firstStart.curl())).toMatchObject({ data: { viewer: { tenant: { name: 'Default' } } } })
    await firstStart.stop()
  }, 120_000)
  afterAll(() => made.end())

  beforeEach(async () => {
    programs = await createPrograms()
  })
  afterEach(() => programs.end())

  /** Saves the seconds of a first start where it is not what is tested. */
  function takeMadeData(): Promise<void> {
    return cp(made.dataFolder, programs.dataFolder, { recursive: true })
  }

  async function expectToWork(program: Program, key: string): Promise<void> {
    const client = createGraphQLClient(await program.address(), key)
    expect(await client.ask(ViewerDocument)).toMatchObject({ viewer: { tenant: { slug: 'default' } } })
  }

  async function expectNothingLeft(): Promise<void> {
    expect(await processesOf(programs.dataFolder)).toEqual([])
  }

  test('says its key once, and only to the person', async () => {
    expect(madeKey).toMatch(/^tm_[a-z0-9]+_[A-Za-z0-9]{40}/)
    expect(firstStart.stdout.match(/Your key/g)).toHaveLength(1)
    expect(firstStart.stderr).not.toContain(madeKey.split('_')[2])
    expect(firstStart.logged('migrated')).toHaveLength(1)
    for (const name of await readdir(made.dataFolder)) {
      const path = join(made.dataFolder, name)
      if ((await stat(path)).isFile()) expect(await readFile(path, 'utf8')).not.toContain(madeKey.split('_')[2])
    }
  })

  test('finds its data again, and takes the old key', async () => {
    await takeMadeData()
    const program = programs.start()
    await expectToWork(program, madeKey)
    expect(program.stdout).not.toMatch(/Your key|tm_/)
    expect(await bash(program.curl(), { TRACEMEND_KEY: madeKey })).toMatchObject({ data: { viewer: {} } })
  })

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s ends it in order', async (signal) => {
    await takeMadeData()
    const program = programs.start({ TRACEMEND_LOG_LEVEL: 'debug' })
    await program.address()
    expect(await processesOf(programs.dataFolder)).not.toEqual([])
    expect(await program.stop(signal)).toBe(0)
    await expectNothingLeft()
    expect(program.logged('could not be released')).toEqual([])
    expect(await readFile(join(programs.dataFolder, 'postgres.log'), 'utf8')).toMatch(/database system is shut down\n$/)
  })

  test('two signals in quick succession are one', async () => {
    await takeMadeData()
    const program = programs.start()
    await program.address()
    program.send('SIGINT')
    program.send('SIGTERM')
    expect(await program.stop('SIGINT')).toBe(0)
    await expectNothingLeft()
  })

  test('a request that is being answered is answered before the end', async () => {
    await takeMadeData()
    const program = programs.start()
    await expectToWork(program, madeKey)
    const client = createGraphQLClient(await program.address(), madeKey)
    const answers = Array.from({ length: 50 }, () => client.send(ViewerDocument).catch((error) => error.cause?.code))
    await Promise.any(answers)
    expect(await program.stop()).toBe(0)
    for (const answer of await Promise.all(answers)) {
      // A connection that was never accepted is refused; one that was is served.
      if (typeof answer !== 'string') expect(answer).toMatchObject({ status: 200, data: { viewer: {} } })
    }
  })

  /** Facts that a start brings about one after the other, and that can be seen from outside. */
  const moments: ((program: Program) => boolean | Promise<boolean>)[] = [
    () => hasFile(programs.dataFolder, /^owner-\d+\.json$/),
    () => hasFile(programs.dataFolder, /^postgres\.unfinished/),
    () => hasFile(programs.dataFolder, /^postgres$/),
    () => hasFile(join(programs.dataFolder, 'postgres'), /^postmaster\.pid$/),
    ({ stderr }) => stderr.includes('PostgreSQL started'),
    ({ stderr }) => stderr.includes('migrated'),
  ]

  test.each(['SIGTERM', 'SIGKILL'] as const)('%s at one moment of its start after the other', async (signal) => {
    const ended: Program[] = []
    for (const isHere of signal === 'SIGKILL' ? [...moments, ...moments] : moments) {
      const program = programs.start()
      await until(async () => (await isHere(program)) || program.stdout.includes('is up'))
      const exitCode = await program.stop(signal)
      // Before it listens to signals it holds nothing, and dies of them as any program does.
      expect([signal === 'SIGTERM' ? 0 : 'SIGKILL', signal]).toContain(exitCode)
      if (signal === 'SIGTERM') await expectNothingLeft()
      expect(program.stderr).not.toMatch(/could not start|a bug/)
      ended.push(program)
    }
    await expectUsable(...ended)
  })

  test('a key that was said is never lost, however soon it is killed', async () => {
    const program = programs.start()
    await until(() => program.firstKey())
    await program.stop('SIGKILL')
    await expectUsable(program)
  })

  /** Starts, with the key that this start says, or else the last one that was said before. */
  async function expectUsable(...before: Program[]): Promise<void> {
    const program = programs.start()
    await program.address()
    const said = [...before, program].map((each) => each.firstKey()).filter((key) => key !== null)
    expect(said).not.toEqual([])
    await expectToWork(program, said.at(-1) ?? '')
    expect(await program.stop()).toBe(0)
    await expectNothingLeft()
  }

  test('a second one on the same folder is refused, and harms nothing', async () => {
    await takeMadeData()
    const first = programs.start()
    await first.address()
    const second = programs.start()
    expect(await second.ended()).toBe(1)
    expect(second.stderr).toContain(`in use by process ${first.pid} since`)
    expect(second.stderr).toContain('TRACEMEND_DATA')
    expect(second.stderr).not.toMatch(/\n\s+at /)
    await expectToWork(first, madeKey)
  })

  test('after kill -9 the PostgreSQL left behind is taken down, and the data is there', async () => {
    await takeMadeData()
    const killed = programs.start()
    await killed.address()
    await killed.stop('SIGKILL')
    const orphans = await processesOf(programs.dataFolder)
    expect(orphans).not.toEqual([])
    const program = programs.start()
    await expectToWork(program, madeKey)
    expect(program.logged('taking down the PostgreSQL')).toHaveLength(1)
    expect((await processesOf(programs.dataFolder)).filter((pid) => orphans.includes(pid))).toEqual([])
  })

  test('a taken port is named, nothing is left, and the key of a first start was said', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as { port: number }
    const program = programs.start({ PORT: String(port) })
    expect(await program.ended()).toBe(1)
    expect(program.stderr).toContain(`PORT ${port} on 127.0.0.1 is taken`)
    expect(program.stderr).not.toMatch(/\n\s+at /)
    await expectNothingLeft()
    other.close()
    await once(other, 'close')
    await expectUsable(program)
  })

  test('when its PostgreSQL is killed, it ends and says why', async () => {
    await takeMadeData()
    const program = programs.start()
    await program.address()
    const [started] = program.logged('PostgreSQL started')
    process.kill(Number(started?.pid), 'SIGKILL')
    expect(await program.ended()).toBe(1)
    expect(program.logged('the database was lost')).toMatchObject([{ level: 'fatal', reason: 'ended by SIGKILL' }])
    await until(async () => (await processesOf(programs.dataFolder)).length === 0)
    await expectToWork(programs.start(), madeKey)
  })
})

async function bash(command: string, env: Record<string, string> = {}): Promise<unknown> {
  const { stdout } = await promisify(execFile)('bash', ['-c', command], { env: { ...process.env, ...env } })
  return JSON.parse(stdout)
}

async function hasFile(folder: string, name: RegExp): Promise<boolean> {
  return (await readdir(folder).catch(() => [])).some((each) => name.test(each))
}
