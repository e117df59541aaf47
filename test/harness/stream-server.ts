import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { buildSchema, type ExecutionResult, execute, parse, validate } from 'graphql'
import { pino } from 'pino'
import { createErrorPresenter } from '../../src/graphql/errors.ts'
import type { GraphQLServer } from '../../src/graphql/yoga.ts'
import { createMetrics } from '../../src/infra/metrics.ts'
import { anonymous } from '../../src/tenants/viewer.ts'
import { createGraphQLHandler } from '../../src/transport/graphql-http.ts'
import { createHttpServer } from '../../src/transport/http.ts'
import { attachWebSocket } from '../../src/transport/websocket.ts'

export type Source = AsyncIterableIterator<ExecutionResult>

interface Options {
  /** What each `subscription { texts }` is given. */
  open(): Source
  keepAliveMs?: number
  heartbeatMs?: number
  silentMs?: number
}

export interface StreamServer {
  url: string
  countOpenSockets(): Promise<number | undefined>
  close(): Promise<void>
}

export const textsSubscription = 'subscription { texts }'

/** The transports alone, with a source of the test's own behind them. */
export async function startStreamServer({ open, keepAliveMs, ...heartbeat }: Options): Promise<StreamServer> {
  const logger = pino({ level: 'silent' })
  const presenter = createErrorPresenter({ logger, onError: () => {}, operationMs: 1_000 })
  const metrics = createMetrics({
    queueDepth: async () => ({}) as never,
    feedStalledSeconds: () => 0,
    reasoningBacklog: async () => 0,
  })
  const admission = { admit: async () => anonymous }
  const schema = buildSchema('type Query { text: String } type Subscription { texts: String }')
  const phases = { schema, parse, validate, execute, subscribe: async () => open(), contextFactory: () => ({}) }
  const graphql = { getEnveloped: () => phases } as unknown as GraphQLServer
  const handle = createGraphQLHandler({
    graphql,
    admission,
    presenter,
    maxBodyBytes: 10_000,
    ...(keepAliveMs && { keepAliveMs }),
  })
  const server = createHttpServer({ routes: { '/graphql': handle }, presenter, metrics })
  const limits = { bodyBytes: 10_000, subscriptionsPerConnection: 10 }
  attachWebSocket({ server, graphql, admission, presenter, limits, logger, metrics, ...heartbeat })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    countOpenSockets: async () => (await metrics.openSockets.get()).values[0]?.value,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** Results that are there whenever they are asked for, and what became of them. */
export interface Texts extends Source {
  isAsked: boolean
  pulled: number
  isReturned: boolean
}

/** Where `resultOf` is null there is nothing to give, for ever. */
export function createTexts(count: number, resultOf: ((index: number) => ExecutionResult) | null): Texts {
  const over = { done: true, value: undefined } as const
  const texts: Texts = {
    isAsked: false,
    pulled: 0,
    isReturned: false,
    next() {
      texts.isAsked = true
      if (resultOf === null) return new Promise(() => {})
      if (texts.isReturned || texts.pulled >= count) return Promise.resolve(over)
      return Promise.resolve({ done: false, value: resultOf(texts.pulled++) })
    },
    async return() {
      texts.isReturned = true
      return over
    },
    [Symbol.asyncIterator]: () => texts,
  }
  return texts
}
