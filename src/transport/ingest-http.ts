import type { IncomingMessage, ServerResponse } from 'node:http'
import { DomainError, InvalidInputError } from '../errors.ts'
import type { Viewer } from '../tenants/viewer.ts'
import type { Admission } from './admission.ts'
import { sendJson } from './http.ts'
import { parseJson, textOf } from './json-text.ts'
import { readBody } from './read-body.ts'

interface Options {
  admission: Admission
  maxBodyBytes: number
  /** Takes the traces in and gives what the client is told. */
  ingest(viewer: Viewer, traces: readonly unknown[]): Promise<unknown>
}

/**
 * `POST /ingest`: the input of `ingestTraces` as plain JSON, for SDKs. The same rules and the same receipt; without the
 * typed coercion of GraphQL, so that a value of a wrong type costs its trace and not the batch.
 */
export function createIngestHandler({ admission, maxBodyBytes, ingest }: Options) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.setHeader('access-control-allow-origin', '*')
    response.setHeader('access-control-expose-headers', 'x-request-id, retry-after')
    // A browser asks whether it may ask: that carries no key, and is nobody's request.
    if (request.method === 'OPTIONS') return allow(response)
    const { authorization } = request.headers
    const viewer = await admission.admit(authorization, request.socket.remoteAddress)
    if (request.method !== 'POST') {
      response.setHeader('allow', 'POST, OPTIONS')
      throw new DomainError('INVALID_INPUT', `/ingest takes a POST; got ${request.method}.`, { field: 'method' })
    }
    const body = parseJson('body', textOf(await readBody(request, maxBodyBytes)))
    sendJson(response, 200, await ingest(viewer, tracesOf(body)))
  }
}

function allow(response: ServerResponse): void {
  response.writeHead(204, {
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': 'authorization, content-type, content-encoding, x-request-id',
    'access-control-max-age': '86400',
  })
  response.end()
}

function tracesOf(body: unknown): readonly unknown[] {
  const { traces, ...others } = (body ?? {}) as { traces?: unknown }
  if (!Array.isArray(traces)) {
    throw new InvalidInputError('traces', 'The body must be a JSON object with a list "traces".')
  }
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) {
    throw new InvalidInputError(
      unknown.slice(0, 100),
      `The body has "traces" and nothing else; got ${JSON.stringify(unknown.slice(0, 100))}.`,
    )
  }
  return traces
}
