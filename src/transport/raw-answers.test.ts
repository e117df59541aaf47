import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { GraphQLObjectType, GraphQLScalarType, GraphQLSchema, GraphQLString } from 'graphql'
import { createYoga } from 'graphql-yoga'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { InvalidInputError } from '../errors.ts'
import { useErrorPresenter } from '../graphql/errors.plugin.ts'
import { createErrorPresenter } from '../graphql/errors.ts'
import type { GraphQLServer, HttpContext } from '../graphql/yoga.ts'
import { createMetrics } from '../infra/metrics.ts'
import { RawJson } from '../raw-json.ts'
import { anonymous } from '../tenants/viewer.ts'
import { createGraphQLHandler } from './graphql-http.ts'
import { attachWebSocket } from './websocket.ts'

const depth = 10_000
const deep = `${'['.repeat(depth)}${']'.repeat(depth)}`
/** As no `JSON.stringify` would write them: who parses and writes again is found out. */
const texts = { odd: '{"price": 1.10, "id": 12345678901234567890}', deep, lines: '{\n"a":\r\n1}' }

const JSONType = new GraphQLScalarType({ name: 'JSON', serialize: (value) => value })
const Answer = new GraphQLObjectType({
  name: 'Answer',
  fields: {
    ...Object.fromEntries(
      Object.entries(texts).map(([name, text]) => [name, { type: JSONType, resolve: () => new RawJson(text) }]),
    ),
    refused: {
      type: GraphQLString,
      resolve() {
        throw new InvalidInputError('a', 'No.')
      },
    },
  },
})
const Query = new GraphQLObjectType({ name: 'Query', fields: { answer: { type: Answer, resolve: () => ({}) } } })
const Subscription = new GraphQLObjectType({
  name: 'Subscription',
  fields: {
    answers: {
      type: Answer,
      async *subscribe() {
        yield { answers: {} }
        yield { answers: {} }
      },
    },
  },
})
const schema = new GraphQLSchema({ query: Query, subscription: Subscription })

let server: Server
let url: string

beforeAll(async () => {
  const logger = pino({ level: 'silent' })
  const presenter = createErrorPresenter({ logger, onError: () => {}, operationMs: 1_000 })
  const yoga = createYoga<HttpContext>({
    schema,
    logging: false,
    maskedErrors: false,
    plugins: [
      {
        onRequestParse({ serverContext, setRequestParser }) {
          const { params } = serverContext as unknown as HttpContext
          if (params) setRequestParser(() => params)
        },
      },
      useErrorPresenter(presenter),
    ],
  })
  const graphql = yoga as unknown as GraphQLServer
  const admission = { admit: async () => anonymous }
  const handle = createGraphQLHandler({ graphql, admission, presenter, maxBodyBytes: 10_000 })
  server = createServer((request, response) => void handle(request, response, 'request-1'))
  const metrics = createMetrics({
    queueDepth: async () => ({}) as never,
    feedStalledSeconds: () => 0,
    reasoningBacklog: async () => 0,
  })
  const limits = { bodyBytes: 10_000, subscriptionsPerConnection: 10 }
  attachWebSocket({ server, graphql, admission, presenter, limits, logger, metrics })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

async function post(query: string, accept: string): Promise<{ type: string | null; text: string }> {
  const headers = { 'content-type': 'application/json', accept }
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query }) })
  return { type: response.headers.get('content-type'), text: await response.text() }
}

/** Every frame up to the operation's last one, as text. */
async function frames(query: string, id = '1'): Promise<string[]> {
  const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws')
  await once(socket, 'open')
  const taken: string[] = []
  const completed = new Promise<void>((resolve) => {
    socket.on('message', (data) => {
      const frame = String(data)
      taken.push(frame)
      if (JSON.parse(frame.replace(deep, '0')).type === 'complete') resolve()
    })
  })
  socket.send(JSON.stringify({ type: 'connection_init' }))
  await once(socket, 'message')
  socket.send(JSON.stringify({ id, type: 'subscribe', payload: { query } }))
  await completed
  socket.close()
  return taken.filter((frame) => frame.includes('"next"'))
}

const fields = '{ odd deep lines }'
const oneLine = texts.lines.replace(/[\r\n]+/g, ' ')
const answer = `{"odd":${texts.odd},"deep":${deep},"lines":${oneLine}}`

describe('raw JSON, nested 10,000 deep, leaves as the text it is', () => {
  test.each(['application/json', 'application/graphql-response+json'])('as %s', async (accept) => {
    const { type, text } = await post(`{ answer ${fields} }`, accept)
    expect(type).toBe(`${accept}; charset=utf-8`)
    expect(text).toBe(`{"data":{"answer":${answer}}}`)
  })

  test('as the answer to a query over SSE', async () => {
    const { type, text } = await post(`{ answer ${fields} }`, 'text/event-stream')
    expect(type).toBe('text/event-stream')
    expect(text).toBe(`:\n\nevent: next\ndata: {"data":{"answer":${answer}}}\n\nevent: complete\ndata:\n\n`)
  })

  test('as an event over SSE', async () => {
    const { text } = await post(`subscription { answers ${fields} }`, 'text/event-stream')
    const next = `event: next\ndata: {"data":{"answers":${answer}}}\n\n`
    expect(text).toBe(`:\nretry: 1000\n\n${next}${next}event: complete\ndata: \nretry: 1000\n\n`)
  })

  test('as a result and as an event over WebSocket', async () => {
    const frame = (field: string) => `{"id":"1","type":"next","payload":{"data":{"${field}":${answer}}}}`
    expect(await frames(`{ answer ${fields} }`)).toEqual([frame('answer')])
    expect(await frames(`subscription { answers ${fields} }`)).toEqual([frame('answers'), frame('answers')])
  })
})

describe('beside errors', () => {
  const error = { message: 'No.', path: ['answer', 'refused'], extensions: { code: 'INVALID_INPUT', field: 'a' } }

  test('it is raw too, and what was meant for HTTP alone is left out', async () => {
    const { text } = await post('{ answer { odd refused } }', 'application/json')
    const [frame = ''] = await frames('{ answer { odd refused } }')
    for (const sent of [text, JSON.stringify(JSON.parse(frame).payload)]) {
      const { errors, data } = JSON.parse(sent)
      expect(errors).toEqual([{ ...error, locations: [expect.any(Object)] }])
      expect(data.answer.refused).toBeNull()
    }
    for (const sent of [text, frame]) expect(sent).toContain(texts.odd)
  })
})

test('an id that looks like a payload changes nothing', async () => {
  const id = '","type":"next","payload":null}'
  const [frame = ''] = await frames('{ answer { odd } }', id)
  expect(frame).toBe(`{"id":${JSON.stringify(id)},"type":"next","payload":{"data":{"answer":{"odd":${texts.odd}}}}}`)
})
