import { type DocumentNode, type ExecutionResult, getOperationAST } from 'graphql'
import { createYoga, type Plugin } from 'graphql-yoga'
import type { Limits } from '../config.ts'
import type { Metrics } from '../infra/metrics.ts'
import type { Services } from '../services.ts'
import { type Context, createLoaders, type RequestContext } from './context.ts'
import { createDocumentCache, nothingCached } from './document-cache.ts'
import { useErrorPresenter } from './errors.plugin.ts'
import type { ErrorPresenter } from './errors.ts'
import { useQueryLimits } from './limits.plugin.ts'
import type { OpenSubscriptions } from './open-subscriptions.ts'
import { usePlannedExecution } from './planned-execution.plugin.ts'
import { schema } from './schema.ts'
import { useTimeLimit } from './time-limit.plugin.ts'

export type GraphQLServer = ReturnType<typeof createGraphQLServer>

/** A request as HTTP hands it on: its parameters are parsed already, those of a POST within the limits of a body. */
export interface HttpContext extends RequestContext {
  params?: Record<string, unknown>
  /** Of an operation that has been executed already, and is only to be answered. */
  outcome?: Promise<ExecutionResult>
}

interface Options {
  services: Services
  limits: Limits
  metrics: Metrics
  presenter: ErrorPresenter
  subscriptions: OpenSubscriptions
}

/** The phases of a request, in order: parameters, parse, validate, limits, execute or subscribe, present. */
export function createGraphQLServer({ services, limits, metrics, presenter, subscriptions }: Options) {
  return createYoga<HttpContext>({
    schema,
    graphqlEndpoint: '/graphql',
    landingPage: false,
    logging: false,
    maskedErrors: false,
    multipart: false,
    maxRequestBodySize: false,
    parserAndValidationCache: { documentCache: createDocumentCache(), errorCache: nothingCached },
    // A key is sent by the client's own code, never by the browser by itself: any origin may ask.
    cors: { origin: '*', credentials: false, exposedHeaders: ['x-request-id', 'retry-after'] },
    graphiql: { title: 'Tracemend', defaultQuery: welcome, headers: '{\n  "authorization": "Bearer "\n}' },
    renderGraphiQL: async (options) => (await import('@graphql-yoga/render-graphiql')).renderGraphiQL(options ?? {}),
    context: ({ viewer }) => ({ services, loaders: createLoaders(services, viewer, { remember: true }) }),
    plugins: [
      {
        onRequestParse({ serverContext, setRequestParser }) {
          const { params } = serverContext as unknown as HttpContext
          if (params) setRequestParser(() => params)
        },
        onParams({ context, setParamsHandler }) {
          const { outcome } = context as unknown as HttpContext
          if (outcome) setParamsHandler(() => outcome)
        },
      },
      useQueryLimits(limits),
      useForgetfulMutations(),
      usePlannedExecution(),
      useTimeLimit(limits.operationMs, metrics),
      subscriptions.plugin,
      useErrorPresenter(presenter),
    ],
  })
}

/** Which kind of operation it is, is known when it is executed, over HTTP and WebSocket alike. */
function useForgetfulMutations(): Plugin<Context> {
  return {
    onExecute({ args }) {
      const operation = getOperationAST(args.document as DocumentNode, args.operationName)
      if (operation?.operation !== 'mutation') return
      const context = args.contextValue as Context
      context.loaders = createLoaders(context.services, context.viewer, { remember: false })
    },
  }
}

const welcome = `# Put your key behind "Bearer " in the headers below,
# then run this (Ctrl-Enter).
query Welcome {
  viewer {
    scopes
    tenant {
      name
      usage { month spans spanLimit }
    }
  }
}
`
