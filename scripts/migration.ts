// `npm run migration -- NAME`: writes the next migration from the difference between prisma/schema.prisma and the
// schema that the newest migration leads to. Read it, mend it by hand where Prisma can't say it, then commit it.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../src/infra/embedded-postgres.ts'
import { createLogger } from '../src/infra/logger.ts'
import { migrationsFolder, prismaFolder, readMigrations } from '../src/infra/migration-files.ts'
import { diffSchemas, openSchemaEngine } from '../src/infra/schema-engine.ts'

const name = process.argv[2]
if (!name || !/^[a-z][a-z0-9_]*$/.test(name)) {
  console.error('Usage: npm run migration -- NAME    (NAME in lower case, with underscores: add_spans)')
  process.exit(2)
}

await mkdir(migrationsFolder, { recursive: true })
const newest = (await readMigrations()).at(-1)
const schema = await readFile(join(prismaFolder, 'schema.prisma'), 'utf8')
const sql = await difference(newest?.schema ?? null, schema)

if (sql === '') {
  console.log(`Nothing to do: ${newest?.name} already leads to prisma/schema.prisma.`)
} else {
  const stamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14)
  const folder = join(migrationsFolder, `${stamp}_${name}`)
  await mkdir(folder)
  await writeFile(join(folder, 'migration.sql'), sql)
  await writeFile(join(folder, 'schema.prisma'), schema)
  console.log(`Wrote prisma/migrations/${stamp}_${name}/migration.sql`)
}

/** The engine compares two texts, but asks a database for its version first: a short-lived one of our own. */
async function difference(from: string | null, to: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tracemend-migration-'))
  const postgres = await startEmbeddedPostgres({ folder, logger: createLogger('warn') })
  try {
    const engine = await openSchemaEngine(postgres.url, to)
    const sql = await diffSchemas(engine, from, to)
    await engine.close()
    return sql
  } finally {
    await postgres.stop()
    await rm(folder, { recursive: true })
  }
}
