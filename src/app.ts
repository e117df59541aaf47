import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Config } from './config.ts'
import { StartError, UnavailableError } from './errors.ts'
import { createErrorPresenter } from './graphql/errors.ts'
import { createOpenSubscriptions } from './graphql/open-subscriptions.ts'
import { createGraphQLServer } from './graphql/yoga.ts'
import { createMetrics } from './infra/metrics.ts'
import { createRateLimiter } from './infra/rate-limiter.ts'
import type { ProcessContext } from './process.ts'
import { createServices } from './services.ts'
import { createAdmission } from './transport/admission.ts'
import { createGraphQLHandler } from './transport/graphql-http.ts'
import { checkReadiness } from './transport/health.ts'
import { closeIdle, createHttpServer, type Route, sendJson } from './transport/http.ts'
import { createIngestHandler } from './transport/ingest-http.ts'
import { createLedgerKeysHandler } from './transport/ledger-keys-http.ts'
import { attachWebSocket } from './transport/websocket.ts'

/** How long open requests may take to end when the process does. */
const drainMs = 10_000

/** The composition root of the API: everything that answers a client is put together here, by hand. */
export function createApp({ config, logger, closers, resources }: ProcessContext) {
  const { pool, queue, bus } = resources
  const { limits, redisUrl } = config
  const { models, embeddings } = config
  const services = createServices({ ...resources, limits, models, embeddings, logger, closers })
  const metrics = createMetrics({
    queueDepth: () => queue.depth(),
    feedStalledSeconds: services.feedHorizon.stalledSeconds,
    reasoningBacklog: services.reasoningBacklog,
  })
  const perMinute = limits.requestsPerMinute
  const limiter = perMinute > 0 ? createRateLimiter({ redisUrl, perMinute, logger }) : null
  if (limiter) closers.add('rate limiter', () => limiter.close())

  const admission = createAdmission({ authentication: services.authentication, limiter, perMinute })
  const presenter = createErrorPresenter({
    logger,
    onError: (code) => metrics.errors.inc({ code }),
    operationMs: limits.operationMs,
  })
  const subscriptions = createOpenSubscriptions({ limits, metrics })
  const graphql = createGraphQLServer({ services, limits, metrics, presenter, subscriptions })
  const ready: Record<string, () => Promise<unknown>> = {
    database: () => pool.query('select 1'),
    queue: () => queue.ping(),
    bus: () => bus.ping(),
  }
  let isClosing = false

  const routes: Record<string, Route> = {
    '/': async (_, response) => void response.writeHead(302, { location: '/graphql' }).end(),
    '/graphql': createGraphQLHandler({ graphql, admission, presenter, maxBodyBytes: limits.bodyBytes }),
    '/ingest': createIngestHandler({
      admission,
      maxBodyBytes: limits.bodyBytes,
      ingest: (viewer, traces) => services.ingest.ingestTraces(viewer, traces),
    }),
    '/.well-known/tracemend-ledger.json': createLedgerKeysHandler(services.ledger),
    '/healthz': async (_, response) => sendJson(response, 200, { status: 'alive' }),
    '/readyz': async (_, response) => {
      const health = await checkReadiness(isClosing ? { ...ready, process: refuseWhileClosing } : ready)
      sendJson(response, health.status, health.body)
    },
    '/metrics': async (_, response) => {
      response.writeHead(200, { 'content-type': metrics.registry.contentType }).end(await metrics.registry.metrics())
    },
  }
  const server = createHttpServer({ routes, presenter, metrics })
  const websocket = attachWebSocket({ server, graphql, admission, presenter, limits, logger, metrics })

  async function close(): Promise<void> {
    isClosing = true
    websocket.close()
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    subscriptions.endAll(new UnavailableError('The server restarts: subscribe again.'))
    // Again and again: one whose last answer has just gone out would be kept alive for the next question.
    const sweep = setInterval(() => closeIdle(server), 20)
    const timer = setTimeout(() => server.closeAllConnections(), drainMs)
    await closed
    clearInterval(sweep)
    clearTimeout(timer)
  }

  return {
    services,
    /** Resolves with the address that it listens at. What listens last is closed first: nobody is let in any more. */
    listen(): Promise<string> {
      closers.add('HTTP server', () => close(), drainMs + 1_000)
      services.feedHorizon.watch()
      return listen(server, config)
    },
    /** What else has to answer before this process is ready. */
    watch(name: string, check: () => Promise<unknown>): void {
      ready[name] = check
    },
    /** Everything that was asked for before has been done: for tests. */
    async drain(): Promise<void> {
      await services.searchIndex.flush()
      await services.reasoningEmbedding.flush()
      await queue.drain()
      await bus.drain()
      await services.lastUsed.flush()
    },
  }
}

async function refuseWhileClosing(): Promise<never> {
  throw new Error('the process is ending')
}

async function listen(server: Server, { host, port }: Config): Promise<string> {
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') {
      throw new StartError(
        `PORT ${port} on ${host} is taken by another program. Set PORT to a free one; 0 finds one by itself.`,
      )
    }
    throw new StartError(`HOST ${host}, PORT ${port}: ${message}`)
  }
  const { address, family, port: taken } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}`
}
