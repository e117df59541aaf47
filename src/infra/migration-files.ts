import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const prismaFolder = findUpwards('prisma', dirname(fileURLToPath(import.meta.url)))
export const migrationsFolder = join(prismaFolder, 'migrations')

export interface Migration {
  /** `20261121190000_tenants`: they are applied in the order of their names. */
  name: string
  sql: string
  /** The `schema.prisma` that this migration leads to: the next one is made from the difference to it. */
  schema: string
}

export async function readMigrations(folder = migrationsFolder): Promise<Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  return Promise.all(
    names.sort().map(async (name) => ({
      name,
      sql: await readFile(join(folder, name, 'migration.sql'), 'utf8'),
      schema: await readFile(join(folder, name, 'schema.prisma'), 'utf8'),
    })),
  )
}

/** This file runs where it stands and from a bundle in dist/: the folder is above it in both. */
function findUpwards(name: string, from: string): string {
  const path = join(from, name)
  if (existsSync(join(path, 'schema.prisma'))) return path
  if (dirname(from) === from) throw new Error(`there is no folder ${name} above ${fileURLToPath(import.meta.url)}`)
  return findUpwards(name, dirname(from))
}
