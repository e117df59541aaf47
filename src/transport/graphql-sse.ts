import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ExecutionResult } from 'graphql'
import type { Beats } from './beats.ts'
import { failedResult } from './failed-result.ts'
import { corsHeaders } from './json-answer.ts'
import { writeTo } from './outgoing.ts'
import { createPump } from './pump.ts'

interface Options {
  request: IncomingMessage
  response: ServerResponse
  results: AsyncIterable<ExecutionResult>
  write(result: ExecutionResult): Buffer
  /** As often as it says, a stream that was quiet for so many of its beats is kept alive. */
  beats: Beats
}

/** Whether the client takes a stream. Who takes a page, too, is a browser that is shown GraphiQL. */
export function takesEventStream({ method, headers }: IncomingMessage): boolean {
  const accept = (headers.accept || '*/*').toLowerCase()
  if (method === 'GET' ? accept.includes('text/html') : method !== 'POST') return false
  return accept.split(',').some((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim())
    const charset = parameters.find((parameter) => parameter.startsWith('charset='))
    return eventStreams.has(type) && (charset === undefined || charset === 'charset=utf-8')
  })
}

const eventStreams = new Set(['text/event-stream', 'text/*', '*/*'])

/** No proxy may hold events back, whether to collect them or to compress them. */
const streamHeaders = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
}

/** An EventSource whose stream ends comes back, after this time: so it finds a server again that has restarted. */
const retry = 'retry: 1000\n'
const comment = Buffer.from(':\n\n')
const opening = Buffer.from(`:\n${retry}\n`)
const before = Buffer.from('event: next\ndata: ')
const after = Buffer.from('\n\n')
const ending = Buffer.from(`event: complete\ndata: \n${retry}\n`)

/** Beats without an event until a comment says that there is somebody. */
export const quietBeats = 5

/**
 * The results of a subscription as server-sent events, each when the one before has been taken (protocol GraphQL over
 * SSE, distinct connections). Resolves when all is sent or the client is gone.
 */
export async function sendEventStream({ request, response, results, write, beats }: Options): Promise<void> {
  // The response itself isn't told that its client is gone as long as it waits behind another one.
  const { socket, headers } = request
  let quiet = 0

  function send(bytes: Buffer): Promise<void> | undefined {
    quiet = 0
    // Whoever sends is stopped when the socket has closed, which it is about to.
    if (socket.destroyed) return new Promise(() => {})
    return writeTo(response, bytes)
  }

  const pump = createPump({
    source: results,
    send: (result) => send(Buffer.concat([before, write(result), after])),
    asLast: failedResult,
  })
  if (socket.destroyed) return pump.stop()
  const onClose = () => void pump.stop().catch(() => {})
  socket.once('close', onClose)
  const leave = beats.join(() => {
    if (++quiet >= quietBeats && response.writableLength === 0) send(comment)
  })
  try {
    response.writeHead(200, { ...streamHeaders, ...corsHeaders(headers.origin) })
    send(opening)
    await pump.run()
  } finally {
    leave()
    socket.off('close', onClose)
  }
  if (!socket.destroyed) response.end(ending)
}
