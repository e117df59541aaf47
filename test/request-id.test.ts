import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from './harness/test-app.ts'

describe('the request id', () => {
  let app: TestApp

  beforeAll(async () => {
    app = await startTestApp({ limits: { bodyBytes: 1_000 } })
  })
  afterAll(() => app.close())

  const requests: [what: string, path: string, status: number, init: RequestInit][] = [
    ['an answer', '/graphql?query={__typename}', 200, {}],
    ['a refusal', '/graphql', 400, { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } }],
    ['a wrong key', '/graphql?query={__typename}', 401, { headers: { authorization: 'Bearer nope' } }],
    [
      'a body beyond the limit',
      '/graphql',
      413,
      { method: 'POST', body: 'x'.repeat(2_000), headers: { 'content-type': 'application/json' } },
    ],
    ['a preflight', '/graphql', 204, { method: 'OPTIONS' }],
    ['the page', '/graphql', 200, { headers: { accept: 'text/html' } }],
    ['nothing there', '/nope', 404, {}],
    ['nothing there, by POST', '/nope', 404, { method: 'POST', body: 'x' }],
    ['the root', '/', 302, {}],
    ['health', '/healthz', 200, {}],
    ['readiness', '/readyz', 200, {}],
    ['metrics', '/metrics', 200, {}],
  ]

  test.each(requests)('comes with %s; a client’s own is given back', async (_, path, status, init) => {
    const send = (headers: Record<string, string>) =>
      fetch(`${app.url}${path}`, {
        ...init,
        redirect: 'manual',
        headers: { ...(init.headers as Record<string, string>), ...headers },
      })
    for (const given of ['my-id.1:2', 'x'.repeat(100)]) {
      const answer = await send({ 'x-request-id': given })
      await answer.arrayBuffer()
      expect({ status: answer.status, id: answer.headers.get('x-request-id') }).toEqual({ status, id: given })
    }
    for (const given of ['with spaces', '<script>', 'x'.repeat(101), '"quoted"']) {
      const answer = await send({ 'x-request-id': given })
      await answer.arrayBuffer()
      expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    }
  })
})
