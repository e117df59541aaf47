import { randomBytes } from 'node:crypto'
import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { StartError } from '../errors.ts'

/**
 * Secrets that are made once and kept in the data folder, readable by its owner alone. A secret is on disk as a whole
 * before anybody is given it, so nothing is ever encrypted with one that a crash could lose. One that is there but
 * damaged stops the start: a new one in its place would make everything that was encrypted unreadable for good.
 * The folder must be claimed; two processes that create the same secret at once could part with different ones.
 */
export async function readOrCreateSecret(folder: string, name = 'secret'): Promise<string> {
  const path = join(folder, name)
  const stored = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw new StartError(`The secret ${path} can't be read: ${error.message}.`)
    return null
  })
  if (stored === null) return createSecret(folder, name)
  const secret = stored.trim()
  if (Buffer.from(secret, 'base64').length === 32 && secret.length === 44) return secret
  throw new StartError(`The secret ${path} is damaged: 32 bytes in base64 were expected. Restore it from a backup.`)
}

async function createSecret(folder: string, name: string): Promise<string> {
  const secret = randomBytes(32).toString('base64')
  const unfinished = join(folder, `${name}.tmp`)
  const file = await open(unfinished, 'w', 0o600)
  try {
    await file.chmod(0o600)
    await file.writeFile(`${secret}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(unfinished, join(folder, name))
  await syncFolder(folder)
  return secret
}

/** A rename is durable only when the folder that holds the name is. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
