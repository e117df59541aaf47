import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startEmbeddedPostgres } from '../../src/infra/embedded-postgres.ts'
import { createLogger } from '../../src/infra/logger.ts'
import { migrate } from '../../src/infra/migrate.ts'
import { templateDatabase, withDatabase } from './database.ts'

declare module 'vitest' {
  interface ProvidedContext {
    databaseUrl: string
  }
}

/** The programs that tests start are built; one PostgreSQL for the whole run, nothing of it kept; a migrated database in it that every test file clones. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  execFileSync(process.execPath, ['scripts/build.mjs'], { stdio: 'inherit' })
  const folder = await mkdtemp(join(tmpdir(), 'tracemend-test-'))
  const logger = createLogger('warn')
  const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '500' }
  const postgres = await startEmbeddedPostgres({ folder, logger, settings })
  await withDatabase(postgres.url, (client) => client.query(`create database ${templateDatabase}`))
  const template = new URL(postgres.url)
  template.pathname = `/${templateDatabase}`
  await migrate(template.toString(), logger)
  project.provide('databaseUrl', postgres.url)
  return async () => {
    await postgres.stop()
    await rm(folder, { recursive: true })
  }
}
