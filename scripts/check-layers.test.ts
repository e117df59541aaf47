import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { checkLayers } from './layers/check.ts'
import { fileRules } from './layers/names.ts'
import { clarityRule, environmentRule, importRules, importRulesForAll } from './layers/rules.ts'

type Tree = Record<string, string>

/** Every arrow that is allowed, used at least once. */
const cleanTree: Tree = {
  'package.json': '{}',
  'start.ts': `import { start } from './src/app.ts'\nimport { work } from './workers/main.ts'`,
  'codegen.ts': `import { schema } from './src/graphql/schema.ts'`,
  'vitest.config.ts': `process.env.CI`,
  'src/errors.ts': `export class DomainError extends Error {}`,
  'src/job.ts': `import type { z } from 'zod'`,
  'src/config.ts': `import './errors.ts'\nimport './infra/logger.ts'\nimport './tenants/api-key.ts'\nprocess.env.PORT`,
  'src/main.ts': `import './app.ts'\nimport './config.ts'\nimport './errors.ts'\nimport './infra/logger.ts'`,
  'src/app.ts': `
    import pg from 'pg'
    import './config.ts'
    import './feed/feed.repository.ts'
    import './graphql/schema.ts'
    import './infra/postgres.ts'
    import './tenants/tenant.repository.ts'
    import './tenants/tenant.service.ts'
    import './traces/trace.loaders.ts'
    import './transport/http.ts'
    import meta from '../package.json' with { type: 'json' }`,
  'src/services.ts': `import './tenants/tenant.service.ts'`,
  'src/generated/prisma/client.ts': `import '../../app.ts'\nprocess.env.HIDDEN`,
  'src/infra/logger.ts': `import { pino } from 'pino'`,
  'src/infra/postgres.ts': `import pg from 'pg'\nimport type { Config } from '../config-shape.ts'\nimport './logger.ts'`,
  'src/infra/binaries.ts': 'await import(name)',
  'src/infra/prisma.ts': `import { PrismaClient } from '../generated/prisma/client.ts'\nimport '@prisma/adapter-pg'`,
  'src/config-shape.ts': `export interface Config { port: number }`,
  'src/feed/feed.repository.ts': `import type { Pool } from 'pg'\nimport '../infra/postgres.ts'\nimport '../tenants/tenant.ts'`,
  'src/feed/tailer.ts': `import './feed.repository.ts'\nimport '../infra/logger.ts'`,
  'src/graphql/builder.ts': `import SchemaBuilder from '@pothos/core'\nimport type { Context } from './context.ts'`,
  'src/graphql/context.ts': `
    import type { Services } from '../services.ts'
    import { Viewer } from '../tenants/viewer.ts'
    import { createTraceLoaders } from '../traces/trace.loaders.ts'`,
  'src/graphql/schema.ts': `import './builder.ts'\nimport '../tenants/tenant.schema.ts'\nimport '../traces/trace.schema.ts'`,
  'src/transport/http.ts': `
    import '../graphql/schema.ts'
    import '../infra/logger.ts'
    import '../tenants/tenant.service.ts'
    import '../tenants/viewer.ts'
    import type { Config } from '../config.ts'`,
  'src/tenants/api-key.ts': `import { createHash } from 'node:crypto'\nimport { DomainError } from '../errors.ts'`,
  'src/tenants/viewer.ts': `import './api-key.ts'`,
  'src/tenants/tenant.ts': `import { z } from 'zod'`,
  'src/tenants/tenant.jobs.ts': `import { defineJob } from '../job.ts'\nimport { z } from 'zod'\nimport './tenant.ts'`,
  'src/tenants/tenant.repository.ts': `
    import pg from 'pg'
    import type { PrismaClient } from '../generated/prisma/client.ts'
    import '../infra/postgres.ts'
    import '../feed/feed.repository.ts'
    import './tenant.ts'`,
  'src/tenants/tenant.service.ts': `
    import type { Logger } from '../infra/logger.ts'
    import '../errors.ts'
    import '../job.ts'
    import './tenant.jobs.ts'
    import './tenant.ts'
    import type { TenantRepository } from './tenant.repository.ts'`,
  'src/tenants/tenant.schema.ts': `import { builder } from '../graphql/builder.ts'\nimport './tenant.ts'\nimport './tenant.service.ts'`,
  'src/tenants/tenant.service.test.ts': `import '../../test/harness/database.ts'\nimport pg from 'pg'\nprocess.env.CI`,
  'src/traces/trace.ts': `import type { Viewer } from '../tenants/viewer.ts'`,
  'src/traces/trace.repository.ts': `import './trace.ts'`,
  'src/traces/trace.loaders.ts': `import DataLoader from 'dataloader'\nimport type { TraceRepository } from './trace.repository.ts'`,
  'src/traces/trace.schema.ts': `import './trace.loaders.ts'\nimport '../tenants/tenant.schema.ts'\nimport { GraphQLError } from 'graphql'`,
  'workers/main.ts': `import '../src/app.ts'\nimport './tenants.retain.ts'`,
  'workers/tenants.retain.ts': `import '../src/tenants/tenant.jobs.ts'\n// process.env is not read here\nconst words = 'process.env'`,
  'test/harness/database.ts': `import pg from 'pg'\nimport '../../src/app.ts'`,
  'test/tenants.test.ts': `import './harness/database.ts'`,
}

/** What is planted over the clean tree, and the rule and file that must then be reported. */
const planted: [rule: string, file: string, text: string][] = [
  ['schema-arrow', 'src/tenants/tenant.schema.ts', `import './tenant.repository.ts'`],
  ['schema-arrow', 'src/tenants/tenant.schema.ts', `import '../infra/logger.ts'`],
  ['schema-arrow', 'src/traces/span.schema.ts', `import Redis from 'ioredis'`],
  ['loaders-arrow', 'src/traces/trace.loaders.ts', `import '../graphql/builder.ts'`],
  ['loaders-arrow', 'src/traces/trace.loaders.ts', `import './trace.schema.ts'`],
  ['loaders-arrow', 'src/traces/trace.loaders.ts', `import { logger } from '../infra/logger.ts'`],
  ['service-arrow', 'src/tenants/tenant.service.ts', `import type { Context } from '../graphql/context.ts'`],
  ['service-arrow', 'src/tenants/tenant.service.ts', `import '../transport/http.ts'`],
  ['service-arrow', 'src/tenants/tenant.service.ts', `export * from './tenant.schema.ts'`],
  ['service-arrow', 'src/traces/trace.service.ts', `export { load } from './trace.loaders.ts'`],
  ['service-arrow', 'src/tenants/tenant.service.ts', `import { type Logger } from '../infra/logger.ts'`],
  ['service-arrow', 'src/tenants/tenant.service.ts', `type Client = import('../generated/prisma/client.ts').Client`],
  ...['graphql', 'graphql-yoga', '@pothos/core', '@prisma/client/runtime', 'bullmq', 'ioredis', 'pg'].map(
    (name): [string, string, string] => [
      'service-arrow',
      'src/tenants/tenant.service.ts',
      `import type {} from '${name}'`,
    ],
  ),
  ['repository-arrow', 'src/tenants/tenant.repository.ts', `import './tenant.service.ts'`],
  ['repository-arrow', 'src/traces/trace.repository.ts', `import './trace.loaders.ts'`],
  ['repository-arrow', 'src/traces/trace.repository.ts', `import './trace.schema.ts'`],
  ['repository-arrow', 'src/traces/trace.repository.ts', `await import('../graphql/builder.ts')`],
  ['repository-arrow', 'src/traces/trace.repository.ts', `import '../transport/http.ts'`],
  ['jobs-arrow', 'src/tenants/tenant.jobs.ts', `import './tenant.service.ts'`],
  ['words-arrow', 'src/tenants/tenant.ts', `import type { Row } from './tenant.repository.ts'`],
  ['words-arrow', 'src/tenants/tenant.ts', `import { readFileSync } from 'fs'`],
  ['words-arrow', 'src/tenants/tenant.ts', `import { readFile } from 'node:fs/promises'`],
  ['words-arrow', 'src/tenants/tenant.ts', `import { pino } from 'pino'`],
  ['ladder', 'src/tenants/tenant.ts', `import '../traces/trace.ts'`],
  ['ladder', 'src/traces/trace.ts', `import type {} from '../playground/run.ts'`],
  ['ladder', 'src/playground/run.ts', `import '../reasoning/step.ts'`],
  ['ladder', 'src/reasoning/step.ts', `import '../playground/run.ts'`],
  ['feed-ladder', 'src/feed/tailer.ts', `import '../traces/trace.ts'`],
  ['feed-ladder', 'src/feed/tailer.ts', `import '../tenants/tenant.service.ts'`],
  ['infra-arrow', 'src/infra/bus.ts', `import type { Viewer } from '../tenants/viewer.ts'`],
  ['infra-arrow', 'src/infra/bus.ts', `import '../graphql/builder.ts'`],
  ['infra-arrow', 'src/infra/bus.ts', `import '../transport/http.ts'`],
  ['models-arrow', 'src/models/model-gateway.ts', `import '../tenants/viewer.ts'`],
  ['models-arrow', 'src/models/model-gateway.ts', `import type { Config } from '../config.ts'`],
  ['models-arrow', 'src/models/model-gateway.ts', `import pg from 'pg'`],
  ['graphql-arrow', 'src/graphql/builder.ts', `import '../tenants/tenant.schema.ts'`],
  ['graphql-arrow', 'src/graphql/schema.ts', `import '../tenants/tenant.service.ts'`],
  ['graphql-arrow', 'src/graphql/context.ts', `import { create } from '../tenants/tenant.service.ts'`],
  ['graphql-arrow', 'src/graphql/context.ts', `import type { Rows } from '../tenants/tenant.repository.ts'`],
  ['transport-arrow', 'src/transport/http.ts', `import '../tenants/tenant.repository.ts'`],
  ['transport-arrow', 'src/transport/http.ts', `import '../traces/trace.ts'`],
  ['core-arrow', 'src/errors.ts', `import './infra/logger.ts'`],
  ['core-arrow', 'src/job.ts', `import { Queue } from 'bullmq'`],
  ['config-arrow', 'src/config.ts', `import './tenants/tenant.service.ts'`],
  ['composition-root', 'src/main.ts', `import './tenants/tenant.service.ts'`],
  ['composition-root', 'src/graphql/context.ts', `import { createServices } from '../services.ts'`],
  ['composition-root', 'src/transport/http.ts', `import type { Services } from '../services.ts'`],
  ['composition-root', 'src/infra/postgres.ts', `import type { App } from '../app.ts'`],
  ['tables', 'src/transport/health.ts', `import pg from 'pg'`],
  ['tables', 'src/feed/tailer.ts', `import type { PrismaClient } from '../generated/prisma/client.ts'`],
  ['tables', 'workers/tenants.retain.ts', `import { PrismaPg } from '@prisma/adapter-pg'`],
  ['src-alone', 'src/app.ts', `import '../workers/main.ts'`],
  ['src-alone', 'src/app.ts', `await import('../scripts/seed.ts')`],
  ['src-alone', 'src/app.ts', `import '../start.ts'`],
  ['workers-alone', 'workers/main.ts', `import '../scripts/seed.ts'`],
  ['test-last', 'src/app.ts', `import '../test/harness/database.ts'`],
  ['test-last', 'scripts/seed.ts', `import '../test/harness/database.ts'`],
  ['test-file', 'test/other.test.ts', `import './tenants.test.ts'`],
  ['test-file', 'src/app.ts', `import './tenants/tenant.service.test.ts'`],
  ['place', 'src/billing/invoice.ts', ''],
  ['barrel', 'src/tenants/index.ts', ''],
  ['empty-name', 'src/infra/utils.ts', ''],
  ['empty-name', 'src/tenants/tenant-manager.ts', ''],
  ['empty-name', 'workers/common/retry.ts', ''],
  ['kebab-case', 'src/tenants/apiKey.ts', ''],
  ['layer-suffix', 'src/tenants/tenant.controller.ts', ''],
  ['layer-suffix', 'src/feed/feed.sql.service.ts', ''],
  ['process-env', 'src/app.ts', `const port = process.env.PORT`],
  ['process-env', 'src/infra/logger.ts', `const { env } = process`],
  ['process-env', 'src/infra/logger.ts', `import { env } from 'node:process'`],
  ['process-env', 'src/infra/logger.ts', `globalThis.process?.['env']`],
  ['process-env', 'workers/main.ts', `if (process.env.CI) throw 1`],
  ['process-env', 'start.ts', `process.env['PORT'] = '0'`],
  ['unclear-import', 'src/app.ts', 'await import(`./$' + '{name}.ts`)'],
  ['unclear-import', 'src/app.ts', `import '#app'`],
  ['unresolved-import', 'src/app.ts', `import './missing.ts'`],
  ['unreadable', 'src/app.ts', `import from`],
]

const others: Tree = {
  'src/playground/run.ts': '',
  'src/reasoning/step.ts': '',
  'scripts/seed.ts': '',
}

const roots: string[] = []

function plant(tree: Tree): string {
  const root = mkdtempSync(join(tmpdir(), 'layers-'))
  roots.push(root)
  for (const [path, text] of Object.entries(tree)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

function run(root: string) {
  const script = fileURLToPath(new URL('check-layers.ts', import.meta.url))
  return spawnSync(process.execPath, ['--import', 'tsx', script, root], { encoding: 'utf8' })
}

afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true })
})

describe('the layers', () => {
  it('lets a clean tree pass', () => {
    const report = checkLayers(plant({ ...cleanTree, ...others }))
    expect(report.violations).toEqual([])
    expect(report.files).toBeGreaterThan(30)
    expect(report.imports).toBeGreaterThan(60)
  })

  it.each(planted)('reports %s in %s: %s', (rule, file, text) => {
    const lines = (cleanTree[file] ?? '').split('\n').length
    const { violations } = checkLayers(plant({ ...cleanTree, ...others, [file]: `${cleanTree[file] ?? ''}\n${text}` }))
    const line = text === '' ? 1 : lines + 1
    expect(violations).toContainEqual(expect.objectContaining({ file, line, rule }))
  })

  it('has a planted violation for every rule', () => {
    const rules = [...fileRules, ...importRules, ...importRulesForAll, environmentRule, clarityRule]
    const names = new Set(planted.map(([rule]) => rule))
    expect(rules.map(({ name }) => name).filter((name) => !names.has(name))).toEqual([])
  })

  it('reports a cycle with its way, types counting', () => {
    const tree = {
      'src/tenants/a.ts': `import type { B } from './b.ts'`,
      'src/tenants/b.ts': `\nimport { c } from './c.ts'`,
      'src/tenants/c.ts': `export type A = import('./a.ts').A`,
      'src/tenants/d.ts': `import './a.ts'`,
    }
    const { violations } = checkLayers(plant(tree))
    expect(violations).toEqual([
      {
        file: 'src/tenants/a.ts',
        line: 1,
        rule: 'cycle',
        sentence: expect.stringContaining(
          'src/tenants/a.ts -> src/tenants/b.ts -> src/tenants/c.ts -> src/tenants/a.ts',
        ),
      },
    ])
  })

  it('reports a file that imports itself, and two knots apart', () => {
    const tree = {
      'src/tenants/a.ts': `import './a.ts'`,
      'src/tenants/b.ts': `import './c.ts'\nimport './a.ts'`,
      'src/tenants/c.ts': `import './b.ts'`,
    }
    expect(checkLayers(plant(tree)).violations.map(({ file, rule }) => `${rule} ${file}`)).toEqual([
      'cycle src/tenants/a.ts',
      'cycle src/tenants/b.ts',
    ])
  })

  it('fails where there is nothing to look at', () => {
    expect(checkLayers(plant({})).violations).toMatchObject([{ rule: 'nothing-seen' }])
    expect(checkLayers(plant({ 'start.ts': '', 'src/generated/a.ts': '' })).violations).toMatchObject([
      { rule: 'nothing-seen' },
    ])
  })
})

describe('the command', () => {
  it('prints what it looked at and succeeds', () => {
    const { status, stdout } = run(plant(cleanTree))
    expect(stdout).toMatch(/^layers: looked at \d+ files and \d+ imports, every rule holds\n$/)
    expect(status).toBe(0)
  })

  it('prints file:line, rule and sentence, and fails', () => {
    const { status, stderr } = run(plant({ 'src/app.ts': `\nprocess.env.PORT` }))
    expect(stderr).toBe('src/app.ts:2  process-env  Only src/config.ts reads the environment.\n')
    expect(status).toBe(1)
  })

  it('fails on an empty tree', () => {
    const { status, stderr } = run(plant({}))
    expect(stderr).toContain('nothing-seen')
    expect(status).toBe(1)
  })
})
