import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  CreateApiKeyDocument,
  RevokeApiKeyDocument,
  UpdateTenantDocument,
  ViewerEventsDocument,
} from './generated/documents.ts'
import { transports } from './harness/live-client.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'
import { until } from './harness/until.ts'

describe.each(transports)('viewerEvents over $name', ({ subscribe }) => {
  let app: TestApp
  let other: TestApp

  beforeAll(async () => {
    app = await startTestApp()
    other = await startTestApp({ backend: app.backend })
  })
  afterAll(async () => {
    await other.close()
    await app.close()
  })

  test('begins with how things are, and tells of a change made in another process', async () => {
    const live = subscribe({ url: app.url, key: app.backend.operatorKey }, ViewerEventsDocument)
    await until(() => live.results.length === 1)
    await other.client().ask(UpdateTenantDocument, { input: { monthlySpanLimit: 1_000 } })
    await until(() => live.results.length === 2)
    const limits = live.results.map(({ data }) => data?.viewerEvents.tenant.monthlySpanLimit)
    expect(limits).toEqual([null, 1_000])
    await live.close()
  })

  test('ends with UNAUTHENTICATED when its key is revoked in another process', async () => {
    const { createApiKey } = await app
      .client()
      .ask(CreateApiKeyDocument, { input: { name: 'to end', scopes: ['READ'] } })
    const live = subscribe({ url: app.url, key: createApiKey.secret }, ViewerEventsDocument)
    await until(() => live.results.length === 1)
    await other.client().ask(RevokeApiKeyDocument, { id: createApiKey.apiKey.id })
    await until(() => live.ended)
    expect(live.ended).toBe(true)
    expect(live.results.at(-1)?.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
    await live.close()
  })
})
