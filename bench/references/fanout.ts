/**
 * The same subscription as graphql-ws and graphql-js serve it out of the box: executed for each subscriber, from an event
 * that holds all that is asked for. Nothing is stored, read or filtered, and nobody is asked who they are. A body of
 * `{"events": […]}` is told to all; every answer says how many they are.
 */
import { buildSchema } from 'graphql'
import { useServer } from 'graphql-ws/use/ws'
import { WebSocketServer } from 'ws'
import { serve } from './serve.ts'

const schema = buildSchema(`
  type Query { hello: String }
  type Subscription { traceEvents: TraceEvent! }
  type TraceEvent { cursor: String! kind: TraceEventKind! traceId: ID! trace: Trace }
  enum TraceEventKind { CREATED UPDATED FINISHED DELETED }
  type Trace { id: ID! status: TraceStatus! name: String agent: Agent }
  enum TraceStatus { RUNNING COMPLETED TIMED_OUT FAILED }
  type Agent { name: String! }`)

interface Told {
  traceEvents: unknown
}

const listeners = new Set<(told: Told) => void>()

/** No library: each of those there are takes more. */
function subscribe(): AsyncIterableIterator<Told> {
  const told: Told[] = []
  let wake = () => {}
  const listener = (event: Told) => {
    told.push(event)
    wake()
  }
  listeners.add(listener)
  return {
    async next() {
      if (told.length === 0)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      return { done: false, value: told.shift() as Told }
    },
    async return() {
      listeners.delete(listener)
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

const field = schema.getSubscriptionType()?.getFields().traceEvents
if (field) field.subscribe = subscribe

const server = await serve(async (body) => {
  const { events } = JSON.parse(body) as { events: unknown[] }
  for (const traceEvents of events) for (const listener of listeners) listener({ traceEvents })
  return JSON.stringify({ listeners: listeners.size })
})
useServer({ schema }, new WebSocketServer({ server, path: '/graphql' }))
