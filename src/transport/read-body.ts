import type { IncomingMessage } from 'node:http'
import { finished, type Readable } from 'node:stream'
import { createGunzip, createInflate } from 'node:zlib'
import { DomainError, InvalidInputError, LimitError } from '../errors.ts'

/**
 * The body of a request, whole and within its limit. The limit holds for what is announced, for what arrives and for
 * what comes out when it is inflated, and is looked at while it streams: 300 MB of zeros in 300 KB of gzip are refused
 * after the first `maxBytes` of them. After a refusal the request itself stays readable, so that it can be answered.
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > maxBytes) throw tooLarge(maxBytes, `${announced} bytes were announced`)

  const inflater = inflaterOf(request.headers['content-encoding'])
  const watch = inflater && countArrived(request, inflater, maxBytes)
  try {
    // Left by an exception, the usual iterator would destroy the request, and its socket with it.
    const chunks = inflater ? request.pipe(inflater) : request.iterator({ destroyOnReturn: false })
    return await collect(chunks, maxBytes)
  } catch (error) {
    throw error instanceof DomainError
      ? error
      : new InvalidInputError('body', `The body could not be read: ${said(error)}.`)
  } finally {
    watch?.()
    if (inflater) request.unpipe(inflater)
  }
}

async function collect(source: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of source) {
    bytes += chunk.length
    if (bytes > maxBytes) throw tooLarge(maxBytes, 'more came')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/**
 * A stream that inflates to nothing could go on for ever: what arrives counts too. An aborted one is an error, also
 * one that was aborted before anybody looked: its events are over by then, but `finished` still tells.
 */
function countArrived(request: IncomingMessage, inflater: Readable, maxBytes: number): () => void {
  let bytes = 0
  const count = (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > maxBytes) inflater.destroy(tooLarge(maxBytes, 'more came'))
  }
  request.on('data', count)
  const forget = finished(request, { writable: false }, (error) => {
    if (error) inflater.destroy(new Error('the connection ended'))
  })
  return () => {
    request.off('data', count)
    forget()
  }
}

function inflaterOf(named = 'identity') {
  const encoding = named.trim().toLowerCase()
  if (encoding === 'identity') return null
  if (encoding === 'gzip') return createGunzip()
  if (encoding === 'deflate') return createInflate()
  throw new InvalidInputError('content-encoding', `The body may be encoded as gzip or deflate; got "${encoding}".`)
}

function tooLarge(maxBytes: number, what: string): LimitError {
  return new LimitError('PAYLOAD_TOO_LARGE', `A body may have ${maxBytes} bytes, inflated; ${what}.`, {
    limit: 'TRACEMEND_MAX_BODY_BYTES',
    max: maxBytes,
  })
}

function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
