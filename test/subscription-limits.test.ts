import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { ViewerEventsDocument } from './generated/documents.ts'
import { type GraphQLErrorAnswer, headersOf, textOf } from './harness/graphql-client.ts'
import { type Live, transports } from './harness/live-client.ts'
import { readMetric } from './harness/metrics.ts'
import { makeKey } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'
import { until } from './harness/until.ts'

const perKey = 3
const perConnection = 2

let app: TestApp

beforeAll(async () => {
  app = await startTestApp({ limits: { subscriptionsPerKey: perKey, subscriptionsPerConnection: perConnection } })
})
afterAll(() => app.close())

function isRefused<Data>({ results }: Live<Data>): boolean {
  return results.at(-1)?.errors?.[0]?.extensions.code === 'RATE_LIMITED'
}

describe.each(transports)('subscriptions of a key over $name', ({ subscribe }) => {
  test('are refused beyond the limit, however many are opened at once, and may be opened again when some end', async () => {
    const { secret: key } = await makeKey(app.client())
    const open = () => subscribe({ url: app.url, key }, ViewerEventsDocument)
    const lives = Array.from({ length: 3 * perKey }, open)
    await until(() => lives.every(({ results }) => results.length > 0))
    const refused = lives.filter(isRefused)
    expect(refused).toHaveLength(2 * perKey)
    for (const live of refused) {
      await until(() => live.ended)
      expect(live.results.map(({ errors }) => errors?.[0]?.extensions)).toEqual([
        { code: 'RATE_LIMITED', limit: 'TRACEMEND_MAX_SUBSCRIPTIONS_PER_KEY', max: perKey },
      ])
    }
    expect(await readMetric(app.url, 'tracemend_open_subscriptions')).toBe(perKey)
    await Promise.all(lives.map((live) => live.close()))
    await until(async () => (await readMetric(app.url, 'tracemend_open_subscriptions')) === 0)

    const again = Array.from({ length: perKey }, open)
    await until(() => again.every(({ results }) => results.length > 0))
    expect(again.filter(isRefused)).toEqual([])
    await Promise.all(again.map((live) => live.close()))
    await until(async () => (await readMetric(app.url, 'tracemend_open_subscriptions')) === 0)
  })
})

describe('subscriptions of a connection', () => {
  function connect() {
    const client = createClient({
      url: `${app.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      lazy: false,
      connectionParams: { authorization: `Bearer ${app.backend.operatorKey}` },
    })
    function open(query: string) {
      const got: { data?: unknown; errors: GraphQLErrorAnswer[]; isDone: boolean; end: () => void } = {
        errors: [],
        isDone: false,
        end: () => {},
      }
      got.end = client.subscribe(
        { query },
        {
          next({ data, errors = [] }) {
            if (data) got.data = data
            got.errors.push(...(errors as unknown as GraphQLErrorAnswer[]))
          },
          error: (errors) => void got.errors.push(...(errors as GraphQLErrorAnswer[])),
          complete() {
            got.isDone = true
          },
        },
      )
      return got
    }
    return { open, close: () => client.dispose() }
  }

  test('are refused beyond the limit; queries beside them are not, and places become free', async () => {
    const { open, close } = connect()
    const events = textOf(ViewerEventsDocument)
    const all = Array.from({ length: perConnection + 3 }, () => open(events))
    const queries = Array.from({ length: 20 }, () => open('{ viewer { scopes } }'))
    await until(() => [...all, ...queries].every(({ data, errors }) => data || errors.length > 0))
    expect(queries.flatMap(({ errors }) => errors)).toEqual([])
    const refused = all.filter(({ errors }) => errors.length > 0)
    expect(refused).toHaveLength(3)
    for (const { errors } of refused) {
      expect(errors.map(({ extensions }) => extensions)).toEqual([
        { code: 'RATE_LIMITED', limit: 'TRACEMEND_MAX_SUBSCRIPTIONS_PER_CONNECTION', max: perConnection },
      ])
    }
    for (const each of all) each.end()
    await until(async () => (await readMetric(app.url, 'tracemend_open_subscriptions')) === 0)
    const next = open(events)
    await until(() => next.data)
    await close()
    await until(async () => (await readMetric(app.url, 'tracemend_open_subscriptions')) === 0)
  })
})

test('a subscription whose answer the client would not take is refused and holds nothing', async () => {
  const body = JSON.stringify({ query: textOf(ViewerEventsDocument) })
  for (const accept of ['application/json', 'image/png']) {
    const headers = { ...headersOf(app.backend.operatorKey), accept }
    const answer = await fetch(`${app.url}/graphql`, { method: 'POST', headers, body })
    expect(answer.status).toBe(406)
    expect(await answer.json()).toMatchObject({ errors: [{ extensions: { code: 'INVALID_INPUT', field: 'accept' } }] })
  }
  expect(await readMetric(app.url, 'tracemend_open_subscriptions')).toBe(0)
})

test.each([
  ['by its document', 'subscription { nope }', () => app.backend.operatorKey, 400, 'INVALID_INPUT'],
  ['without a key', textOf(ViewerEventsDocument), () => null, 401, 'UNAUTHENTICATED'],
])('a stream that is refused %s says so in its status and in its only event', async (_, query, key, status, code) => {
  const headers = { ...headersOf(key()), accept: 'text/event-stream' }
  const url = `${app.url}/graphql`
  const answers = [
    await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query }) }),
    await fetch(`${url}?${new URLSearchParams({ query })}`, { headers }),
  ]
  for (const answer of answers) {
    expect({ status: answer.status, type: answer.headers.get('content-type') }).toEqual({
      status,
      type: 'text/event-stream',
    })
    const events = (await answer.text()).split('\n\n').filter((block) => block.startsWith('event: '))
    expect(events).toHaveLength(2)
    expect(JSON.parse(events[0]?.split('data: ')[1] ?? '')).toMatchObject({ errors: [{ extensions: { code } }] })
    expect(events[1]).toMatch(/^event: complete\n/)
  }
})
