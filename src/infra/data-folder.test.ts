import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StartError } from '../errors.ts'
import { claimDataFolder } from './data-folder.ts'
import { identityOf } from './process-identity.ts'
import { readOrCreateSecret } from './stored-secret.ts'

let base: string
let path: string
const children: ChildProcess[] = []

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'data-folder-')))
  path = join(base, 'data')
})

afterEach(async () => {
  await Promise.all(children.splice(0).map(kill))
  await rm(base, { recursive: true })
})

describe('a claim', () => {
  test('makes the folder, closed to other users, and is gone after its release', async () => {
    const folder = await claimDataFolder(path)
    expect(folder.path).toBe(path)
    expect((await stat(path)).mode & 0o066).toBe(0)
    await folder.release()
    await folder.release()
    await (await claimDataFolder(path)).release()
    expect(await readdir(path)).toHaveLength(1)
  })

  test('keeps a second one out, and says whose it is', async () => {
    const folder = await claimDataFolder(path)
    const refusal = await claimDataFolder(path).catch((error) => error)
    expect(refusal).toBeInstanceOf(StartError)
    expect(refusal.message).toContain(`${path} is in use by process ${process.pid} since 2`)
    expect(refusal.message).toContain('TRACEMEND_DATA')
    await folder.release()
  })

  test('of a dead process whose pid another has been given is taken over', async () => {
    await (await claimDataFolder(path)).release()
    const owner = { pid: process.ppid, identity: 'of another life', since: new Date().toISOString() }
    await writeFile(join(path, 'owner-7.json'), JSON.stringify(owner))
    await (await claimDataFolder(path)).release()
  })

  test('of a live process with that identity is not', async () => {
    await (await claimDataFolder(path)).release()
    const owner = { pid: process.ppid, identity: await identityOf(process.ppid), since: 'this morning' }
    await writeFile(join(path, 'owner-7.json'), JSON.stringify(owner))
    await expect(claimDataFolder(path)).rejects.toThrow(`process ${process.ppid} since this morning`)
  })

  test('cut short by a power failure is taken over', async () => {
    await (await claimDataFolder(path)).release()
    await writeFile(join(path, 'owner-7.json'), '{"pid":')
    await writeFile(join(path, 'owner-1234.tmp'), '')
    await (await claimDataFolder(path)).release()
    expect(await readdir(path)).toEqual(['owner-8.json'])
  })

  test('on a folder that can not be made says what to set', async () => {
    await writeFile(path, 'a file')
    await expect(claimDataFolder(path)).rejects.toThrow(/data folder .* can't be used: EEXIST.*TRACEMEND_DATA/)
  })
})

describe('when many want the same folder', () => {
  test('one of a hundred claims in one process wins', async () => {
    const results = await Promise.allSettled(Array.from({ length: 100 }, () => claimDataFolder(path)))
    const winners = results.filter((result) => result.status === 'fulfilled')
    expect(winners).toHaveLength(1)
    await winners[0]?.value.release()
  })

  test('one of ten processes wins, each time that the owner was killed', async () => {
    const racers = await Promise.all(Array.from({ length: 10 }, startRacer))
    while (racers.length > 6) {
      const answers = await Promise.all(racers.map((racer) => racer.race()))
      const winner = answers.indexOf('won')
      expect(answers.filter((answer) => answer === 'won')).toHaveLength(1)
      const pid = racers[winner]?.child.pid
      const losers = answers.filter((answer) => answer.includes(`in use by process ${pid} since`))
      expect(losers).toHaveLength(racers.length - 1)
      for (const racer of racers.splice(winner, 1)) await kill(racer.child)
    }
  }, 60_000)
})

describe('the secret', () => {
  test('is made once, for its owner alone', async () => {
    const folder = await claimDataFolder(path)
    await writeFile(join(path, 'secret.tmp'), 'left by a crash')
    const secret = await readOrCreateSecret(folder.path)
    expect(Buffer.from(secret, 'base64')).toHaveLength(32)
    expect(await readOrCreateSecret(folder.path)).toBe(secret)
    expect((await stat(join(path, 'secret'))).mode & 0o777).toBe(0o600)
    expect(await readdir(path)).not.toContain('secret.tmp')
    await folder.release()
  })

  test('is never replaced when it is damaged', async () => {
    const folder = await claimDataFolder(path)
    await writeFile(join(path, 'secret'), 'c2hvcnQ=')
    await expect(readOrCreateSecret(folder.path)).rejects.toThrow(/secret is damaged/)
    expect(await readFile(join(path, 'secret'), 'utf8')).toBe('c2hvcnQ=')
    await folder.release()
  })
})

/** A process that claims whenever it is told to, and says what came of it. */
async function startRacer() {
  const script = `
    import { createInterface } from 'node:readline'
    import { claimDataFolder } from ${JSON.stringify(new URL('./data-folder.ts', import.meta.url).href)}
    console.log('ready')
    for await (const _ of createInterface({ input: process.stdin })) {
      console.log(await claimDataFolder(${JSON.stringify(path)}).then(() => 'won', (error) => error.message))
    }`
  const args = ['--import', 'tsx', '--input-type=module', '-e', script]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const nextLine = async () => String((await lines.next()).value)
  expect(await nextLine()).toBe('ready')
  return {
    child,
    race(): Promise<string> {
      child.stdin.write('go\n')
      return nextLine()
    },
  }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}
