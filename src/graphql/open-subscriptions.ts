import { type ExecutionResult, GraphQLError } from 'graphql'
import { isAsyncIterable, type Plugin } from 'graphql-yoga'
import type { Limits } from '../config.ts'
import { type DomainError, LimitError } from '../errors.ts'
import type { Metrics } from '../infra/metrics.ts'
import { anonymous, type Viewer } from '../tenants/viewer.ts'
import { type Context, createLoaders } from './context.ts'
import { type Endable, endable } from './endable.ts'

interface Options {
  limits: Pick<Limits, 'subscriptionsPerKey'>
  metrics: Pick<Metrics, 'openSubscriptions'>
}

/**
 * What holds for every subscription, over WebSocket and SSE alike: a key may hold only so many (in each process),
 * each ends with a coded error when its source fails or its key ends, and all of them do when the process does.
 */
export interface OpenSubscriptions {
  plugin: Plugin<Context>
  endAll(reason: DomainError): void
}

export function createOpenSubscriptions({ limits, metrics }: Options): OpenSubscriptions {
  const openByKey = new Map<string, number>()
  const streams = new Set<Endable<ExecutionResult>>()

  function open({ keyId }: Viewer, change: 1 | -1): void {
    const count = (openByKey.get(keyId) ?? 0) + change
    if (count > 0) openByKey.set(keyId, count)
    else openByKey.delete(keyId)
    metrics.openSubscriptions.inc(change)
  }

  const plugin: Plugin<Context> = {
    onSubscribe({ args, setResultAndStopExecution }) {
      const context = args.contextValue as Context
      const { viewer, services } = context
      const isFull = () => (openByKey.get(viewer.keyId) ?? 0) >= limits.subscriptionsPerKey
      const refusal = { errors: [failed(tooMany(limits.subscriptionsPerKey))] }
      if (isFull()) return setResultAndStopExecution(refusal)
      context.loaders = createLoaders(services, viewer, { remember: false })
      return {
        onSubscribeResult({ result, setResult }) {
          if (!isAsyncIterable(result) || viewer === anonymous) return
          const source = result as AsyncIterableIterator<ExecutionResult>
          if (isFull()) {
            // Others were opened while this one was being prepared.
            source.return?.()
            return setResult(refusal)
          }
          open(viewer, 1)
          const onEnd = () => {
            stopWatching()
            streams.delete(stream)
            open(viewer, -1)
          }
          const stream = endable({ source, asLast: (failure) => ({ errors: [failed(failure)] }), onEnd })
          streams.add(stream)
          const stopWatching = services.keyWatch.onceEnded(viewer, (reason) => stream.end({ errors: [failed(reason)] }))
          setResult(stream.values as typeof result)
        },
      }
    },
  }

  return {
    plugin,
    endAll(reason) {
      for (const stream of streams) stream.end({ errors: [failed(reason)] })
    },
  }
}

function failed(failure: unknown): GraphQLError {
  const originalError = failure instanceof Error ? failure : new Error(String(failure))
  return new GraphQLError(originalError.message, { originalError })
}

function tooMany(max: number): LimitError {
  return new LimitError('RATE_LIMITED', `Your key holds ${max} subscriptions already; ${max} is the limit.`, {
    limit: 'TRACEMEND_MAX_SUBSCRIPTIONS_PER_KEY',
    max,
  })
}
