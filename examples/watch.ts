// Prints one line for each trace that fails, live and once, whatever happens meanwhile: it takes every event up from the
// cursor of the last one, and so needs nothing of the server but that it comes back. The cursors of what it has printed
// stand in a file: ended with Ctrl-C and started again, it goes on there.
// Start Tracemend (`npm start`), then: TRACEMEND_KEY=tm_... node --import tsx examples/watch.ts [the file, watch.log]
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { print } from 'graphql'
import { type Client, createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { FailingTracesDocument, type FailingTracesSubscription, NowDocument } from './generated/documents.ts'

const url = process.env.TRACEMEND_URL ?? 'http://127.0.0.1:4000'
const key = process.env.TRACEMEND_KEY
if (!key) throw new Error('Set TRACEMEND_KEY to the key that the first start printed.')
const file = process.argv[2] ?? 'watch.log'

/** A line has a cursor and, unless it says where to begin, the id of the trace that was printed. */
const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []
const printed = new Set(lines.flatMap((line) => line.split(' ').slice(1, 2).map(decodeURIComponent)))
let cursor = lines.at(-1)?.split(' ')[0]

const shortestMs = 250
const longestMs = 10_000
/** Trying again is of no use: the key, or the cursor of another tenant's file, has to be changed. */
const finalCodes = ['UNAUTHENTICATED', 'FORBIDDEN', 'INVALID_INPUT']

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort())

for (let waitMs = shortestMs; !stopping.signal.aborted; ) {
  const client = connect(() => {
    waitMs = shortestMs
  })
  stopping.signal.onabort = () => disconnect(client)
  const { code, message } = await watch(client).catch(failureOf)
  await disconnect(client)
  if (stopping.signal.aborted) break
  console.error(`ended   ${code}: ${message}`)
  if (finalCodes.includes(code)) {
    process.exitCode = 1
    break
  }
  if (code === 'CURSOR_EXPIRED') {
    console.error('anew    from now on; what failed in between is in the list of traces')
    cursor = undefined
    continue
  }
  // Half of it by chance, so that not all clients of a server that has restarted come back at once.
  await pause(waitMs * (0.5 + Math.random() / 2), undefined, { signal: stopping.signal }).catch(() => {})
  waitMs = Math.min(2 * waitMs, longestMs)
}

/** Until the server ends it. */
async function watch(client: Client): Promise<Failure> {
  if (!cursor) {
    for await (const { feedCursor } of ask(client, NowDocument, {})) remember(feedCursor)
  }
  for await (const { traceEvents } of ask(client, FailingTracesDocument, { after: cursor ?? '' })) take(traceEvents)
  return { code: 'UNAVAILABLE', message: 'the server has ended it' }
}

/** A trace that has failed is told of again whenever it changes, also when it ceases to be one that has failed. */
function take({ cursor: next, traceId, matches, trace }: FailingTracesSubscription['traceEvents']): void {
  cursor = next
  if (!matches || printed.has(traceId)) return
  const { status, agent, name, errorMessage } = trace ?? {}
  const line = [status, traceId, agent?.name, name, errorMessage].map((each) => each?.replace(/\s+/g, ' ') ?? '-')
  console.log(line.join('  '))
  // In the same breath. Only a `kill -9` or a power cut just here would have the line printed again: who can't have that
  // stores the cursor in the transaction in which the event takes effect.
  remember(next, traceId)
}

function remember(next: string, traceId?: string): void {
  cursor = next
  appendFileSync(file, traceId === undefined ? `${next}\n` : `${next} ${encodeURIComponent(traceId)}\n`)
  if (traceId !== undefined) printed.add(traceId)
}

/** One socket, not more: how often to try is for the loop above to say. */
function connect(onConnected: () => void): Client {
  let silence: NodeJS.Timeout | undefined
  const client = createClient({
    url: `${url.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${key}` },
    retryAttempts: 0,
    keepAlive: 10_000,
    on: {
      connected: onConnected,
      // A server whose machine is gone says nothing any more, not even that.
      ping: (isReceived) => {
        if (!isReceived) silence = setTimeout(() => client.terminate(), 5_000)
      },
      pong: () => clearTimeout(silence),
      closed: () => clearTimeout(silence),
    },
  })
  return client
}

/** Even while it connects: then it fails if that does. */
async function disconnect(client: Client): Promise<void> {
  await Promise.resolve(client.dispose()).catch(() => {})
}

/** What a query answers, or each event of a subscription. Throws the errors that the server answers with. */
async function* ask<Data, Variables extends Record<string, unknown>>(
  client: Client,
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): AsyncGenerator<Data> {
  for await (const { data, errors } of client.iterate<Data>({ query: print(document), variables })) {
    if (errors) throw errors
    if (data) yield data
  }
}

interface Failure {
  code: string
  message: string
}

/** An operation fails with errors, a connection with words that begin with a code, and a broken line with neither. */
function failureOf(thrown: unknown): Failure {
  if (Array.isArray(thrown)) return { code: thrown[0].extensions.code, message: thrown[0].message }
  const { reason, message } = thrown as { reason?: string; message?: string }
  const [, code = 'UNAVAILABLE', said = reason] = /^([A-Z_]+): (.*)$/.exec(reason ?? '') ?? []
  return { code, message: said || message || 'the server is not there' }
}
