import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { RevokeApiKeyDocument, ViewerEventsDocument } from './generated/documents.ts'
import { textOf } from './harness/graphql-client.ts'
import { readMetric } from './harness/metrics.ts'
import { initWith, openRawSocket, operation, type RawSocket } from './harness/raw-socket.ts'
import { makeKey } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'
import { until } from './harness/until.ts'

const events = textOf(ViewerEventsDocument)
const maxBytes = 20_000

let app: TestApp

beforeAll(async () => {
  app = await startTestApp({ limits: { bodyBytes: maxBytes, queryDepth: 4, requestsPerMinute: 0 } })
})
afterEach(async () => {
  try {
    await until(async () => (await readMetric(app.url, 'tracemend_open_websockets')) === 0)
  } finally {
    for (const { socket } of opened.splice(0)) socket.terminate()
  }
  expect(await readMetric(app.url, 'tracemend_open_subscriptions')).toBe(0)
  expect(app.log.lines.filter(({ level }) => level >= 50)).toEqual([])
})
afterAll(() => app.close())

const opened: RawSocket[] = []

function open(headers: Record<string, string> = {}): RawSocket {
  const raw = openRawSocket({ url: app.url, headers })
  opened.push(raw)
  return raw
}

/** Connected and let in. */
async function enter(key: string | null = app.backend.operatorKey) {
  const raw = open()
  raw.send(initWith(key))
  await until(() => raw.frames.some(({ type }) => type === 'connection_ack'))
  return raw
}

describe('a client that breaks the protocol', () => {
  test.each<[what: string, frames: unknown[], code: number]>([
    ['asks before it has said who it is', [operation('1', '{ __typename }')], 4401],
    ['says twice who it is', [{ type: 'connection_init' }, { type: 'connection_init' }], 4429],
    ['sends no JSON', ['{ nope'], 4400],
    ['sends JSON that is no message', ['null'], 4400],
    ['sends a message of no known type', [{ type: 'nope' }], 4400],
    ['sends binary garbage', [Buffer.from([0, 255, 254, 1])], 4400],
    ['sends a frame beyond the limit', [`"${'x'.repeat(maxBytes)}"`], 1009],
    ['asks without a query', [{ type: 'connection_init' }, { type: 'subscribe', id: '1', payload: {} }], 4400],
    [
      'asks with variables that are a list',
      [{ type: 'connection_init' }, { type: 'subscribe', id: '1', payload: { query: '{ a }', variables: [] } }],
      4400,
    ],
  ])('that %s is closed with the code for it', async (_, frames, code) => {
    const raw = open()
    for (const frame of frames) raw.send(frame)
    await until(() => raw.closed)
    expect(raw.closed?.code).toBe(code)
  })

  test('that uses an id twice at once is closed with 4409', async () => {
    const raw = await enter()
    raw.send(operation('1', events))
    raw.send(operation('1', events))
    await until(() => raw.closed)
    expect(raw.closed?.code).toBe(4409)
  })

  test('that uses an id again before its end was confirmed holds nothing when it goes', async () => {
    const raw = await enter()
    for (let round = 0; round < 50; round++) {
      raw.send(operation('1', events))
      raw.send({ type: 'complete', id: '1' })
    }
    raw.send({ type: 'ping' })
    await until(() => raw.frames.some(({ type }) => type === 'pong'))
    raw.socket.terminate()
  })

  test('that asks for an operation which its document has not is refused, coded', async () => {
    const raw = await enter()
    const payload = { query: 'query A { __typename } query B { __typename }', operationName: 'C' }
    raw.send({ type: 'subscribe', id: '1', payload })
    await until(() => raw.errorsOf('1').length > 0)
    expect(raw.errorsOf('1').map(({ extensions }) => extensions)).toEqual([{ code: 'INVALID_INPUT' }])
    raw.socket.close()
  })

  test('that sends and doesn’t read is not listened to any more, instead of being answered into memory', async () => {
    const raw = await enter()
    raw.socket.pause()
    const ping = JSON.stringify({ type: 'ping', payload: { pad: 'x'.repeat(maxBytes - 100) } })
    const before = process.memoryUsage().rss
    // 200 MB; what is neither read nor answered stays with the client, which is in this process too.
    let sent = 0
    for (; sent < 10_000 && raw.socket.bufferedAmount < 20_000_000; sent++) {
      raw.socket.send(ping)
      if (sent % 50 === 0) await new Promise(setImmediate)
    }
    expect(sent).toBeLessThan(10_000)
    expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000)
    raw.socket.resume()
    await until(() => raw.frames.filter(({ type }) => type === 'pong').length === sent)
    raw.socket.close()
  })
})

describe('a key', () => {
  test('is taken from the header of the upgrade, too', async () => {
    const raw = open({ authorization: `Bearer ${app.backend.operatorKey}` })
    raw.send({ type: 'connection_init' })
    await until(() => raw.frames.some(({ type }) => type === 'connection_ack'))
    raw.send(operation('1', '{ viewer { scopes } }'))
    await until(() => raw.frames.some(({ id, type }) => id === '1' && type === 'complete'))
    expect(raw.frames.find(({ id }) => id === '1')?.payload.data.viewer.scopes).toContain('READ')
    raw.socket.close()
  })

  async function closeCodeWith(key: string) {
    const raw = open()
    raw.send(initWith(key))
    return until(() => raw.closed)
  }

  test('that is wrong, revoked or expired closes the connection with 4401 and the reason', async () => {
    expect(await closeCodeWith('nonsense')).toMatchObject({
      code: 4401,
      reason: expect.stringMatching(/^UNAUTHENTICATED: The Auth/),
    })
    expect(await closeCodeWith(`tm_nobody_${'x'.repeat(40)}`)).toMatchObject({
      code: 4401,
      reason: expect.stringMatching(/not known/),
    })

    const revoked = await makeKey(app.client())
    await app.client().ask(RevokeApiKeyDocument, { id: revoked.id })
    await until(async () => (await app.client(revoked.secret).send('{ __typename }')).status === 401)
    expect(await closeCodeWith(revoked.secret)).toMatchObject({ code: 4401, reason: expect.stringMatching(/revoked/) })

    const expired = await makeKey(app.client(), { expiresAt: new Date(Date.now() + 500).toISOString() })
    await until(async () => (await app.client(expired.secret).send('{ __typename }')).status === 401)
    expect(await closeCodeWith(expired.secret)).toMatchObject({ code: 4401, reason: expect.stringMatching(/expired/) })
  })

  test('that is revoked while it is connected opens nothing more', async () => {
    const key = await makeKey(app.client())
    const raw = await enter(key.secret)
    raw.send(operation('1', '{ viewer { scopes } }'))
    await until(() => raw.frames.some(({ id, type }) => id === '1' && type === 'complete'))
    await app.client().ask(RevokeApiKeyDocument, { id: key.id })
    await until(async () => (await app.client(key.secret).send('{ __typename }')).status === 401)
    raw.send(operation('2', '{ viewer { scopes } }'))
    await until(() => raw.errorsOf('2').length > 0)
    expect(raw.errorsOf('2')[0]?.extensions.code).toBe('UNAUTHENTICATED')
    raw.socket.close()
  })

  test('is needed, as over HTTP: without one the schema is all there is', async () => {
    const raw = await enter(null)
    raw.send(operation('1', '{ __schema { description } }'))
    raw.send(operation('2', events))
    await until(() => raw.errorsOf('2').length > 0 && raw.frames.some(({ id }) => id === '1'))
    expect(raw.errorsOf('1')).toEqual([])
    expect(raw.errorsOf('2')[0]?.extensions.code).toBe('UNAUTHENTICATED')
    raw.socket.close()
  })
})

describe('queries and mutations over WebSocket', () => {
  test('work, and fail with the codes of HTTP and nothing that is meant for HTTP', async () => {
    const raw = await enter()
    const create = 'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }'
    const wrong: [string, string, object | undefined, string][] = [
      ['1', '{', undefined, 'INVALID_INPUT'],
      ['2', '{ nope }', undefined, 'INVALID_INPUT'],
      ['3', create, { input: { name: 5 } }, 'INVALID_INPUT'],
      ['4', create, { input: { name: '', scopes: ['READ'] } }, 'INVALID_INPUT'],
      ['5', 'mutation { revokeApiKey(id: "nope") { id } }', undefined, 'NOT_FOUND'],
      ['6', '{ __schema { types { fields { type { name } } } } }', undefined, 'QUERY_TOO_COMPLEX'],
    ]
    for (const [id, query, variables] of wrong) raw.send(operation(id, query, variables))
    raw.send(operation('right', create, { input: { name: 'made over WebSocket', scopes: ['READ'] } }))
    await until(() => raw.frames.some(({ id, type }) => id === 'right' && type === 'complete'))
    await until(() => wrong.every(([id]) => raw.errorsOf(id).length > 0))
    expect(raw.frames.find(({ id }) => id === 'right')?.payload.data.createApiKey.secret).toMatch(/^tm_/)
    for (const [id, , , code] of wrong) {
      for (const { extensions } of raw.errorsOf(id)) {
        expect({ id, code: extensions.code }).toEqual({ id, code })
        expect(extensions).not.toHaveProperty('http')
      }
    }
    expect(raw.closed).toBeNull()
    raw.socket.close()
  })
})

describe('clients that come and go', () => {
  test('by the thousand leave nothing open', async () => {
    for (let wave = 0; wave < 10; wave++) {
      const raws = Array.from({ length: 200 }, () => open())
      raws.forEach((raw, index) => {
        if (index % 4 > 0) raw.send(initWith(app.backend.operatorKey))
      })
      await until(() => raws.every(({ socket }) => socket.readyState === socket.OPEN))
      await until(() => raws.every(({ frames }, index) => index % 4 === 0 || frames.length > 0))
      raws.forEach((raw, index) => {
        if (index % 4 > 1) raw.send(operation('1', events))
        if (index % 4 === 3) raw.socket.terminate()
        else raw.socket.close()
      })
      await until(() => raws.every(({ closed }) => closed))
    }
    await until(async () => (await readMetric(app.url, 'tracemend_open_subscriptions')) === 0)
  })

  test('in the middle of a subscription leave nothing open', async () => {
    const raws = await Promise.all(Array.from({ length: 20 }, () => enter()))
    for (const raw of raws) raw.send(operation('1', events))
    await until(async () => (await readMetric(app.url, 'tracemend_open_subscriptions')) === raws.length)
    for (const { socket } of raws) socket.terminate()
    await until(async () => (await readMetric(app.url, 'tracemend_open_subscriptions')) === 0)
  })
})
