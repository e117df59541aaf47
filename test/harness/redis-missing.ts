import { describe, test } from 'vitest'

describe('system tests with Redis', () => {
  test.skip('SKIPPED: no redis-server was found in PATH', () => {})
})
