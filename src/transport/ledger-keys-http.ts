import type { IncomingMessage, ServerResponse } from 'node:http'
import { DomainError } from '../errors.ts'

interface Options {
  /** One of an id, or the newest of all. */
  listPublicKeys(id: string | null): Promise<readonly unknown[]>
}

const maxAgeSeconds = 60

/**
 * The public keys of the ledgers, for who verifies without us. Anybody may ask; it says nothing of whose they are.
 * `?kid=lk_…` asks for one: the list has the newest.
 */
export function createLedgerKeysHandler({ listPublicKeys }: Options) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD')
      throw new DomainError('INVALID_INPUT', `The keys of the ledger take a GET; got ${request.method}.`, {
        field: 'method',
      })
    }
    const query = new URLSearchParams((request.url ?? '').split('?', 2)[1])
    const text = JSON.stringify({ format: 'tracemend-ledger/1', keys: await listPublicKeys(query.get('kid')) })
    response.writeHead(200, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(text),
      'cache-control': `public, max-age=${maxAgeSeconds}`,
      'access-control-allow-origin': '*',
    })
    response.end(request.method === 'HEAD' ? undefined : text)
  }
}
