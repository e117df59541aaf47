import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ErrorCode } from '../errors.ts'

interface Refusal {
  status: number
  code: ErrorCode
  message: string
  requestId: string
}

/** Answers on a bare connection, where there is no response to answer with: no readable HTTP, or no WebSocket. */
export function turnAway(stream: Duplex, { status, code, message, requestId }: Refusal): void {
  const body = JSON.stringify({ errors: [{ message, extensions: { code } }] })
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'connection: close',
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    ...(status === 503 ? ['retry-after: 2'] : []),
  ]
  // Ended alone it would stay half open for as long as the peer likes.
  stream.once('finish', () => stream.destroy())
  stream.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
