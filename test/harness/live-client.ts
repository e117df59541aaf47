import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { type GraphQLErrorAnswer, headersOf, textOf } from './graphql-client.ts'

export interface LiveResult<Data> {
  data?: Data | null
  errors?: GraphQLErrorAnswer[]
}

/** A subscription that has recorded everything from the moment it was opened. */
export interface Live<Data> {
  results: LiveResult<Data>[]
  /** `true` when the server completed it; the failure when it broke. */
  ended: boolean | Error
  /** With which code the socket was closed, if it was one. */
  closeCode: number | null
  /** When the server last asked to be asked again after a break, if it was a stream: with its last event, or before. */
  retry: { ms: number; isWithEnd: boolean } | null
  close(): Promise<void>
}

export interface LiveOptions {
  url: string
  key: string | null
}

export type Subscribe = <Data, Given>(
  options: LiveOptions,
  document: TypedDocumentNode<Data, Given> | string,
  variables?: Given,
) => Live<Data>

export const transports: { name: string; subscribe: Subscribe }[] = [
  { name: 'WebSocket', subscribe: subscribeOverWebSocket },
  { name: 'SSE', subscribe: subscribeOverSse },
]

export function subscribeOverWebSocket<Data, Given>(
  { url, key }: LiveOptions,
  document: TypedDocumentNode<Data, Given> | string,
  variables?: Given,
): Live<Data> {
  const live: Live<Data> = {
    results: [],
    ended: false,
    closeCode: null,
    retry: null,
    close: async () => client.dispose(),
  }
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: key === null ? {} : { authorization: `Bearer ${key}` },
    on: {
      closed(event) {
        live.closeCode = (event as { code: number }).code
      },
    },
  })
  client.subscribe<Data>(
    { query: textOf(document), variables: variables as Record<string, unknown> },
    {
      next: (result) => void live.results.push(result as LiveResult<Data>),
      error(error) {
        // The protocol's own way to refuse an operation: a list of errors.
        if (Array.isArray(error)) live.results.push({ errors: error })
        live.ended = Array.isArray(error) ? true : asError(error)
      },
      complete() {
        live.ended ||= true
      },
    },
  )
  return live
}

export function subscribeOverSse<Data, Given>(
  { url, key }: LiveOptions,
  document: TypedDocumentNode<Data, Given> | string,
  variables?: Given,
): Live<Data> {
  const abort = new AbortController()
  const live: Live<Data> = { results: [], ended: false, closeCode: null, retry: null, close: async () => abort.abort() }
  const request = {
    method: 'POST',
    headers: { ...headersOf(key), accept: 'text/event-stream' },
    body: JSON.stringify({ query: textOf(document), variables }),
    signal: abort.signal,
  }
  readSse(`${url}/graphql`, request, live).catch((error) => {
    live.ended = abort.signal.aborted || asError(error)
  })
  return live
}

async function readSse<Data>(url: string, request: RequestInit, live: Live<Data>): Promise<void> {
  const response = await fetch(url, request)
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
    live.results.push((await response.json()) as LiveResult<Data>)
    live.ended = true
    return
  }
  let held = ''
  const decoder = new TextDecoder()
  for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
    held += decoder.decode(bytes, { stream: true })
    const blocks = held.split('\n\n')
    held = blocks.pop() ?? ''
    for (const block of blocks) readBlock(block, live)
  }
  live.ended ||= new Error('the stream broke off')
}

function readBlock<Data>(block: string, live: Live<Data>): void {
  const lines = block.split('\n')
  const event = lines.find((line) => line.startsWith('event: '))?.slice(7)
  const data = lines.find((line) => line.startsWith('data: '))?.slice(6)
  if (event === 'next' && data) live.results.push(JSON.parse(data))
  const retry = lines.find((line) => line.startsWith('retry: '))?.slice(7)
  if (retry) live.retry = { ms: Number(retry), isWithEnd: event === 'complete' }
  if (event === 'complete') live.ended = true
}

function asError(error: unknown): Error {
  if (error instanceof Error) return error
  const { code, reason } = error as { code?: number; reason?: string }
  return new Error(`closed with ${code}: ${reason}`)
}
