import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ViewerDocument } from './generated/documents.ts'
import { subscribeOverWebSocket } from './harness/live-client.ts'
import { makeKey } from './harness/tenant.ts'
import { createBackend, startTestApp, type TestApp, type TestBackend } from './harness/test-app.ts'
import { until } from './harness/until.ts'

const max = 5
const refused = { code: 'RATE_LIMITED', limit: 'TRACEMEND_MAX_REQUESTS_PER_MINUTE', max }
const isShared = process.env.TEST_WITH === 'redis'

describe('requests per minute', () => {
  let backend: TestBackend
  let app: TestApp
  let other: TestApp

  beforeEach(async () => {
    backend = await createBackend()
    app = await startTestApp({ backend, limits: { requestsPerMinute: max } })
    other = await startTestApp({ backend, limits: { requestsPerMinute: max } })
  })
  afterEach(async () => {
    await other.close()
    await app.close()
    await backend.close()
  })

  /** How many of so many requests, sent at once, were answered. */
  async function countAnswered(ask: () => Promise<{ status: number }>, times: number): Promise<number> {
    const answers = await Promise.all(Array.from({ length: times }, ask))
    return answers.filter(({ status }) => status !== 429).length
  }

  test('of a key are refused beyond the limit, with Retry-After', async () => {
    expect(await countAnswered(() => app.client().send(ViewerDocument), max)).toBe(max)
    const { status, headers, data, errors } = await app.client().send(ViewerDocument)
    expect({ status, data }).toEqual({ status: 429, data: undefined })
    const seconds = Number(headers.get('retry-after'))
    expect(seconds).toBeGreaterThan(0)
    expect(seconds).toBeLessThanOrEqual(60)
    expect(headers.get('x-request-id')).toBeTruthy()
    expect(errors?.map(({ extensions }) => extensions)).toEqual([{ ...refused, retryAfterSeconds: seconds }])
  })

  test(isShared ? 'are counted by all processes together' : 'are counted by each process for itself', async () => {
    await countAnswered(() => app.client().send(ViewerDocument), max)
    expect(await countAnswered(() => other.client().send(ViewerDocument), max)).toBe(isShared ? 0 : max)
  })

  test('of one key are no other key’s', async () => {
    const key = await makeKey(app.client())
    expect(await countAnswered(() => app.client().send(ViewerDocument), max)).toBe(max - 1)
    expect(await countAnswered(() => app.client(key.secret).send(ViewerDocument), max)).toBe(max)
  })

  test('that try out keys are counted by address, and harm no valid one', async () => {
    const wrongKeys = ['tm_aaaa_', 'tm_bbbb_', 'tm_cccc_', 'tm_dddd_', 'tm_eeee_'].map((key) => key + 'x'.repeat(40))
    for (const key of [...wrongKeys, `${backend.operatorKey}x`, 'nonsense']) {
      const { status } = await app.client(key).send(ViewerDocument)
      expect(status).toBe(wrongKeys.includes(key) ? 401 : 429)
    }
    expect((await app.client(null).refusal('{ __typename }')).extensions).toMatchObject(refused)
    await app.client().ask(ViewerDocument)
  })

  test('are not what a browser asks before it asks', async () => {
    expect(await countAnswered(() => app.client(null).send('{ __typename }'), max + 1)).toBe(max)
    const headers = { origin: 'https://example.com', 'access-control-request-method': 'POST' }
    const preflight = await fetch(`${app.url}/graphql`, { method: 'OPTIONS', headers })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe(headers.origin)
  })

  test('count over WebSocket too: one for the connection, one for each operation', async () => {
    const place = { url: app.url, key: backend.operatorKey }
    const lives = [1, 2, 3].map(() => subscribeOverWebSocket(place, '{ viewer { scopes } }'))
    await until(() => lives.every(({ ended }) => ended))
    const refusals = lives.filter(
      ({ ended, results }) => ended instanceof Error || results[0]?.errors?.[0]?.extensions.code === 'RATE_LIMITED',
    )
    expect(refusals).toHaveLength(1)
    const late = subscribeOverWebSocket(place, '{ viewer { scopes } }')
    await until(() => late.ended)
    // The code for "try again later".
    expect(late.closeCode).toBe(1013)
    expect(String(late.ended)).toContain('RATE_LIMITED')
    await Promise.all([...lives, late].map((live) => live.close()))
  })
})
