import pg from 'pg'
import { StartError } from '../errors.ts'
import type { Logger } from './logger.ts'
import { type Migration, migrationsFolder, readMigrations } from './migration-files.ts'
import { openSchemaEngine } from './schema-engine.ts'

/** Any number, the same in every process: whoever holds it prepares the database, the others wait. */
const preparationLock = 7_284_661_936

/**
 * Brings the database to the program's schema, then runs `prepare` (the first rows), all under
 * one advisory lock: any number of processes may start at once on one empty database. A database that knows
 * migrations which the program doesn't is left untouched.
 */
export async function migrate(
  databaseUrl: string,
  logger: Logger,
  prepare: () => Promise<void> = async () => {},
  migrations?: Migration[],
): Promise<void> {
  const known = migrations ?? (await readMigrations())
  const client = new pg.Client({ connectionString: databaseUrl })
  // The statement that waits is told too; without a listener, a lost connection would end the process.
  client.on('error', (error) => logger.warn({ err: error }, 'the connection that migrates was lost'))
  await client.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [preparationLock])
    const applied = await readApplied(client)
    refuseNewer(applied, known)
    const missing = known.filter(({ name }) => !applied.includes(name))
    if (missing.length > 0) {
      await clearInterrupted(client)
      await apply(client, databaseUrl, known, logger)
    }
    await prepare()
  } finally {
    await client.end()
  }
}

/** A script and its mark are one transaction (see schema-engine.ts): without the mark, nothing of it has happened. */
async function readApplied(client: pg.Client): Promise<string[]> {
  if (!(await hasHistory(client))) return []
  const rows = await client.query(
    'select migration_name from public._prisma_migrations where finished_at is not null and rolled_back_at is null',
  )
  return rows.rows.map((row) => row.migration_name)
}

async function hasHistory(client: pg.Client): Promise<boolean> {
  const table = await client.query(`select to_regclass('public._prisma_migrations') as name`)
  return table.rows[0].name !== null
}

/** The engine refuses to go on behind a migration that was begun and not finished, until it is said what became of it. */
async function clearInterrupted(client: pg.Client): Promise<void> {
  if (!(await hasHistory(client))) return
  await client.query(
    'update public._prisma_migrations set rolled_back_at = now() where finished_at is null and rolled_back_at is null',
  )
}

function refuseNewer(applied: string[], known: Migration[]): void {
  const names = new Set(known.map(({ name }) => name))
  const unknown = applied.filter((name) => !names.has(name)).sort()
  if (unknown.length === 0) return
  throw new StartError(
    `The database is newer than this program: it holds ${unknown.length} migration(s) that the program doesn't know ` +
      `(${unknown.join(', ')}). Start the version that made them, or a later one. Nothing was changed.`,
  )
}

async function apply(client: pg.Client, databaseUrl: string, migrations: Migration[], logger: Logger): Promise<void> {
  const engine = await openSchemaEngine(databaseUrl, migrations.at(-1)?.schema ?? '')
  try {
    const { appliedMigrationNames } = await engine.commands.applyMigrations({
      migrationsList: {
        baseDir: migrationsFolder,
        lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"' },
        shadowDbInitScript: '',
        migrationDirectories: migrations.map(({ name, sql }) => ({
          path: name,
          migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: sql } },
        })),
      },
      filters: { externalTables: [], externalEnums: [] },
    })
    logger.info({ migrations: appliedMigrationNames }, 'migrated')
  } catch (error) {
    const said = await failure(client, engine.scriptError(), error)
    throw new StartError(`A migration failed, and was rolled back: ${said}`, { cause: error })
  } finally {
    await engine.close()
  }
}

/** Which migration it was, as the engine has recorded it; and why, in the words of whoever refused. */
async function failure(client: pg.Client, scriptError: Error | null, error: unknown): Promise<string> {
  const rows = await client
    .query(
      'select migration_name, logs from public._prisma_migrations where finished_at is null and rolled_back_at is null',
    )
    .catch(() => ({ rows: [] }))
  const [row] = rows.rows
  const why = scriptError?.message ?? row?.logs ?? String((error as Error).message ?? error)
  return row ? `${row.migration_name}: ${why}` : why
}
