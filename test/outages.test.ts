import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RedisServer, startRedis } from '../scripts/redis-server.ts'
import { claimDataFolder, type DataFolder } from '../src/infra/data-folder.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/infra/embedded-postgres.ts'
import { createLogger } from '../src/infra/logger.ts'
import { formatApiKey, mintKey } from '../src/tenants/api-key.ts'
import { UpdateTenantDocument, ViewerDocument, ViewerEventsDocument } from './generated/documents.ts'
import { createGraphQLClient, type GraphQLClient } from './harness/graphql-client.ts'
import { transports } from './harness/live-client.ts'
import { createPrograms, type Program, type Programs } from './harness/program.ts'
import { until } from './harness/until.ts'

/** What they stand on goes away under running processes and comes back; nobody starts them again. */
describe('an outage', { timeout: 120_000 }, () => {
  const key = formatApiKey(mintKey())
  let programs: Programs
  let folder: DataFolder
  let postgres: EmbeddedPostgres
  let redis: RedisServer | null
  let processes: Program[]
  let clients: GraphQLClient[]

  beforeAll(async () => {
    programs = await createPrograms()
    folder = await claimDataFolder(programs.dataFolder)
    postgres = await startPostgres()
    redis = process.env.TEST_WITH === 'redis' ? await startRedis() : null
    const settings = {
      DATABASE_URL: postgres.url,
      TRACEMEND_SECRET: randomBytes(32).toString('base64'),
      TRACEMEND_OPERATOR_KEY: key,
      ...(redis && { REDIS_URL: redis.url }),
    }
    processes = [programs.start(settings), programs.start(settings, 'src/main.ts')]
    clients = await Promise.all(processes.map(async (each) => createGraphQLClient(await each.address(), key)))
  }, 120_000)
  afterAll(async () => {
    for (const each of processes) expect(await each.stop()).toBe(0)
    await redis?.stop()
    await postgres.stop()
    await folder.release()
    await programs.end()
  })

  function startPostgres(port?: number): Promise<EmbeddedPostgres> {
    const settings = { fsync: 'off' }
    return startEmbeddedPostgres({
      folder: folder.path,
      logger: createLogger('silent'),
      settings,
      ...(port && { port }),
    })
  }

  /** Opens subscriptions, lets the outage come and go, and then sees a change made after it everywhere. */
  async function surviving(outage: () => Promise<void>): Promise<void> {
    const lives = clients.flatMap(({ url }) =>
      transports.map(({ subscribe }) => subscribe({ url, key }, ViewerEventsDocument)),
    )
    await until(() => lives.every(({ results }) => results.length > 0))
    await outage()
    for (const { url } of clients) await until(async () => (await readiness(url)).status === 200)
    const monthlySpanLimit = 1 + Math.floor(Math.random() * 1e6)
    await until(async () => {
      const { data } = (await clients[0]?.send(UpdateTenantDocument, { input: { monthlySpanLimit } })) ?? {}
      return data
    })
    for (const live of lives) {
      await until(
        () => live.ended || live.results.at(-1)?.data?.viewerEvents.tenant.monthlySpanLimit === monthlySpanLimit,
      )
      expect(live.ended).toBe(false)
      await live.close()
    }
    for (const each of processes) expect(each.exitCode).toBeNull()
  }

  test('of the database: UNAVAILABLE until it is back, and then everything goes on', async () => {
    await surviving(async () => {
      const port = Number(new URL(postgres.url).port)
      await postgres.stop()
      for (const client of clients) {
        const answer = await client.send(ViewerDocument)
        expect(answer.status).toBe(503)
        expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
        expect(answer.errors).toMatchObject([{ extensions: { code: 'UNAVAILABLE' } }])
        expect(JSON.stringify(answer)).not.toContain('ECONNREFUSED')
        const { status, body } = await readiness(client.url)
        expect(status).toBe(503)
        expect(body.checks.database).not.toBe('ok')
      }
      postgres = await startPostgres(port)
    })
  })

  test.runIf(process.env.TEST_WITH === 'redis')('of Redis: queries are answered, /readyz names it', async () => {
    await surviving(async () => {
      await redis?.kill()
      for (const client of clients) {
        const { status, body } = await readiness(client.url)
        expect(status).toBe(503)
        expect(body.checks.database).toBe('ok')
        expect([body.checks.queue, body.checks.bus]).not.toContain('ok')
        expect(await client.ask(ViewerDocument)).toMatchObject({ viewer: { tenant: { slug: 'default' } } })
      }
      redis = await startRedis({ port: redis?.port })
    })
  })
})

async function readiness(url: string): Promise<{ status: number; body: { checks: Record<string, string> } }> {
  const response = await fetch(`${url}/readyz`)
  return { status: response.status, body: (await response.json()) as { checks: Record<string, string> } }
}
