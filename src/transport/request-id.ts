import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** The client's own id, where it sent one that is fit to be logged. */
export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && /^[\w.:-]{1,100}$/.test(given) ? given : randomUUID()
}
