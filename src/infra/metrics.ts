import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { QueueDepth } from './queue.ts'
import { withinTimeLimit } from './time-limit.ts'

export type Metrics = ReturnType<typeof createMetrics>

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** A scrape doesn't wait for a queue or a database that has fallen silent. */
const askingMs = 2_000

interface Sources {
  queueDepth(): Promise<QueueDepth>
  feedStalledSeconds(): number
  reasoningBacklog(): Promise<number>
}

/** What Prometheus scrapes. No label holds anything a client may choose, so that nobody can make a million series. */
export function createMetrics({ queueDepth, feedStalledSeconds, reasoningBacklog }: Sources) {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  new Gauge({
    name: 'tracemend_queue_jobs',
    help: 'Jobs in the queue, by state.',
    labelNames: ['state'],
    registers,
    async collect() {
      const depth = await withinTimeLimit('the depth of the queue', askingMs, queueDepth()).catch(() => null)
      this.reset()
      for (const [state, count] of Object.entries(depth ?? {})) this.set({ state }, count)
    },
  })
  new Gauge({
    name: 'tracemend_feed_stalled_seconds',
    help: 'For how long the oldest open transaction that writes has held live events back; 0 where there is none.',
    registers,
    collect() {
      this.set(feedStalledSeconds())
    },
  })
  new Gauge({
    name: 'tracemend_reasoning_backlog',
    help: 'Records of reasoning whose meaning is still to be reckoned.',
    registers,
    async collect() {
      const backlog = await withinTimeLimit('the backlog of reasoning', askingMs, reasoningBacklog()).catch(() => null)
      if (backlog === null) this.reset()
      else this.set(backlog)
    },
  })
  return {
    registry,
    httpRequests: new Counter({
      name: 'tracemend_http_requests_total',
      help: 'HTTP requests answered, by route and status.',
      labelNames: ['route', 'status'],
      registers,
    }),
    httpSeconds: new Histogram({
      name: 'tracemend_http_request_seconds',
      help: 'From the first byte of a request to the last of its answer, by route; streams are left out.',
      labelNames: ['route'],
      buckets: seconds,
      registers,
    }),
    operationSeconds: new Histogram({
      name: 'tracemend_operation_seconds',
      help: 'Execution of queries and mutations, by type.',
      labelNames: ['type'],
      buckets: seconds,
      registers,
    }),
    errors: new Counter({
      name: 'tracemend_errors_total',
      help: 'Errors that clients were given, by code.',
      labelNames: ['code'],
      registers,
    }),
    openSubscriptions: new Gauge({
      name: 'tracemend_open_subscriptions',
      help: 'Subscriptions open in this process.',
      registers,
    }),
    openSockets: new Gauge({
      name: 'tracemend_open_websockets',
      help: 'WebSocket connections open in this process.',
      registers,
    }),
  }
}
