import { createRequire } from 'node:module'
import { defineConfig } from 'vitest/config'
import { findRedisServer } from './scripts/redis-server.ts'

const shared = {
  pool: 'forks' as const,
  testTimeout: 60_000,
  hookTimeout: 60_000,
}

/** Vite would load its ES modules, every library its CommonJS: two copies that don't know each other's classes. */
const alias = { graphql: createRequire(import.meta.url).resolve('graphql') }

const hasRedis = findRedisServer() !== null
if (!hasRedis) {
  process.stderr.write(
    '\n*** No redis-server in PATH: the system tests run on PostgreSQL alone, their second round with Redis is SKIPPED.\n' +
      '*** Install it (Debian: apt-get install redis-server) to run everything.\n\n',
  )
}

/** The rules and repositories beside the code; then the whole system as a client sees it, without Redis and with it. */
export default defineConfig({
  test: {
    globalSetup: ['test/harness/global-setup.ts'],
    // Most of a system test is waiting for sockets and processes: more at once than there are cores.
    maxWorkers: 3,
    projects: [
      {
        resolve: { alias },
        test: {
          ...shared,
          name: 'unit',
          include: ['src/**/*.test.ts', 'workers/**/*.test.ts', 'scripts/**/*.test.ts'],
        },
      },
      {
        resolve: { alias },
        test: { ...shared, name: 'system', include: ['test/*.test.ts'], env: { TEST_WITH: 'postgres' } },
      },
      {
        resolve: { alias },
        test: {
          ...shared,
          name: 'system with Redis',
          include: hasRedis ? ['test/*.test.ts'] : ['test/harness/redis-missing.ts'],
          env: { TEST_WITH: 'redis' },
        },
      },
    ],
  },
})
