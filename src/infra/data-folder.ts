import { randomUUID } from 'node:crypto'
import { link, mkdir, readdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { StartError } from '../errors.ts'
import { identityOf, isAlive } from './process-identity.ts'

/**
 * A data folder belongs to one live process. The claim is a file `owner-<n>.json` that names its owner; the highest n
 * counts. A claim is never changed by another: who finds its owner dead, or gone in order, puts n + 1 beside it by
 * link(2), which succeeds for one process only, and has won if n + 1 is then still the highest. Numbers never go down
 * (a release empties the claim and leaves it), so a process that was asleep between looking and linking can't win with
 * an old number. A single file that is deleted and made anew has no such guarantee: the second of two rescuers would
 * delete the first one's fresh claim.
 */
export interface DataFolder {
  readonly path: string
  release(): Promise<void>
}

interface Owner {
  pid: number
  identity: string | null
  since: string
}

export async function claimDataFolder(path: string): Promise<DataFolder> {
  const folder = await makeFolder(resolve(path))
  const self: Owner = { pid: process.pid, identity: await identityOf(process.pid), since: new Date().toISOString() }
  const claim = await explained(folder, () => placeClaim(folder, self))
  let releasing: Promise<void> | undefined
  return {
    path: folder,
    release() {
      releasing ??= writeWhole(folder, JSON.stringify({ released: new Date().toISOString() }), (written) =>
        rename(written, claimPath(folder, claim)),
      ).catch(ignore('ENOENT'))
      return releasing
    },
  }
}

async function placeClaim(folder: string, self: Owner): Promise<number> {
  for (;;) {
    const last = await highestClaim(folder)
    const owner = await readOwner(claimPath(folder, last))
    if (owner && (await isAlive(owner.pid, owner.identity ?? ''))) throw inUse(folder, owner)
    const mine = last + 1
    if (!(await linkClaim(folder, mine, self))) continue
    if ((await highestClaim(folder)) === mine) {
      await removeLeftovers(folder, mine)
      return mine
    }
    await rm(claimPath(folder, mine), { force: true })
  }
}

/** False if another was faster, or if the winner of another round has swept our unfinished file away. */
function linkClaim(folder: string, number: number, self: Owner): Promise<boolean> {
  return writeWhole(folder, JSON.stringify(self), async (written) => {
    try {
      await link(written, claimPath(folder, number))
      return true
    } catch (error) {
      if (['EEXIST', 'ENOENT'].includes(codeOf(error))) return false
      throw error
    }
  })
}

/** Nobody may ever read half a claim: it is written under a name that nobody reads, then placed in one step. */
async function writeWhole<T>(folder: string, text: string, place: (written: string) => Promise<T>): Promise<T> {
  const written = join(folder, `owner-${randomUUID()}.tmp`)
  try {
    await writeFile(written, text, { flag: 'wx', mode: 0o644 })
    return await place(written)
  } finally {
    await rm(written, { force: true })
  }
}

async function removeLeftovers(folder: string, mine: number): Promise<void> {
  const names = await readdir(folder)
  const old = names.filter((name) => /^owner-.*\.tmp$/.test(name) || (claimNumber(name) || mine) < mine)
  await Promise.all(old.map((name) => rm(join(folder, name), { force: true })))
}

async function highestClaim(folder: string): Promise<number> {
  return Math.max(0, ...(await readdir(folder)).map(claimNumber))
}

const claimNumber = (name: string) => Number(/^owner-(\d+)\.json$/.exec(name)?.[1] ?? 0)
const claimPath = (folder: string, number: number) => join(folder, `owner-${number}.json`)

/** No owner: released, superseded a moment ago, or cut short when the machine lost power. */
async function readOwner(path: string): Promise<Owner | null> {
  const text = await readFile(path, 'utf8').catch(ignore('ENOENT'))
  try {
    const owner = JSON.parse(text ?? 'null')
    return Number.isInteger(owner?.pid) && owner.pid > 0 ? owner : null
  } catch {
    return null
  }
}

/**
 * Closed to other users. As root it can be walked through, though not listed: PostgreSQL refuses to run as root, and
 * its own user must come to its directory, which stands inside.
 */
async function makeFolder(path: string): Promise<string> {
  const mode = process.getuid?.() === 0 ? 0o711 : 0o700
  return explained(path, async () => {
    await mkdir(path, { recursive: true, mode })
    return realpath(path)
  })
}

function inUse(folder: string, { pid, since }: Owner): StartError {
  return new StartError(
    `The data folder ${folder} is in use by process ${pid} since ${since}. ` +
      'Stop that process, or set TRACEMEND_DATA to another folder.',
  )
}

async function explained<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof StartError || codeOf(error) === '') throw error
    throw new StartError(
      `The data folder ${folder} can't be used: ${(error as Error).message}. Set TRACEMEND_DATA to a folder that can be written.`,
      { cause: error },
    )
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? ''

function ignore(code: string): (error: unknown) => void {
  return (error) => {
    if (codeOf(error) !== code) throw error
  }
}
