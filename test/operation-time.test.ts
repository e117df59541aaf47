import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ApiKeysDocument, CreateApiKeyDocument, ViewerDocument } from './generated/documents.ts'
import { withDatabase } from './harness/database.ts'
import { textOf } from './harness/graphql-client.ts'
import { subscribeOverWebSocket } from './harness/live-client.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'
import { until } from './harness/until.ts'

const max = 300
const tooLong = { code: 'OPERATION_TIMEOUT', limit: 'TRACEMEND_MAX_OPERATION_MS', max, hint: expect.any(String) }

describe('an operation that takes too long', () => {
  let app: TestApp

  beforeAll(async () => {
    app = await startTestApp({ limits: { operationMs: max } })
  })
  afterAll(() => app.close())

  /** While it runs, whoever wants to see the table waits. */
  async function whileLocked(table: string, act: () => Promise<void>): Promise<void> {
    await withDatabase(app.backend.database.url, async (client) => {
      await client.query('begin')
      await client.query(`lock table ${table} in access exclusive mode`)
      await act()
      await client.query('rollback')
    })
  }

  test.each<[where: string, document: string, variables: object]>([
    ['in a query', textOf(ViewerDocument), {}],
    ['in a mutation', textOf(CreateApiKeyDocument), { input: { name: 'late', scopes: ['READ'] } }],
  ])('%s is answered with OPERATION_TIMEOUT, and all is well afterwards', async (_, document, variables) => {
    // The key is known for a moment, so that it is the operation that waits; later it is the look-up of the key.
    await app.client().ask(ViewerDocument)
    await whileLocked('api_keys', async () => {
      for (let time = 0; time < 3; time++) {
        const { status, headers, errors } = await app.client().send(document, variables)
        expect({ status, errors: errors?.map(({ extensions }) => extensions) }).toEqual({
          status: 504,
          errors: [tooLong],
        })
        expect(headers.get('x-request-id')).toBeTruthy()
      }
    })
    await until(async () => (await app.client().send(ViewerDocument)).status === 200)
    await app.client().ask(ApiKeysDocument)
  })

  test('is so over WebSocket too', async () => {
    await whileLocked('tenants', async () => {
      const live = subscribeOverWebSocket({ url: app.url, key: app.backend.operatorKey }, '{ viewer { scopes } }')
      await until(() => live.ended)
      expect(live.results.map(({ errors }) => errors?.map(({ extensions }) => extensions))).toEqual([[tooLong]])
      await live.close()
    })
    await app.client().ask(ViewerDocument)
  })

  test('leaves nothing running in the database', async () => {
    await whileLocked('tenants', async () => {
      await app.client().refusal(ViewerDocument)
      const running = `select 1 from pg_stat_activity
        where datname = current_database() and application_name = 'tracemend' and wait_event_type = 'Lock'`
      await withDatabase(app.backend.database.url, (client) =>
        until(async () => (await client.query(running)).rows.length === 0),
      )
    })
    expect(app.log.lines.filter(({ level }) => level >= 50)).toEqual([])
  })
})
