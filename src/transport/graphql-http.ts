import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ExecutionResult } from 'graphql'
import { isAsyncIterable } from 'graphql-yoga'
import { InvalidInputError } from '../errors.ts'
import type { ErrorPresenter } from '../graphql/errors.ts'
import { isPlain, runPlainOperation } from '../graphql/plain-operation.ts'
import { bytesOf } from '../graphql/result-bytes.ts'
import type { GraphQLServer, HttpContext } from '../graphql/yoga.ts'
import { stringify } from '../raw-json.ts'
import { anonymous } from '../tenants/viewer.ts'
import type { Admission } from './admission.ts'
import { createBeats } from './beats.ts'
import { quietBeats, sendEventStream, takesEventStream } from './graphql-sse.ts'
import { jsonTypeFor, sendAnswer } from './json-answer.ts'
import { parseJson, textOf } from './json-text.ts'
import { readBody } from './read-body.ts'

interface Options {
  graphql: GraphQLServer
  admission: Admission
  presenter: ErrorPresenter
  maxBodyBytes: number
  /** After how much quiet a stream of events says that it is still there. */
  keepAliveMs?: number
}

/**
 * GraphQL over HTTP and server-sent events: admits the request, reads its body within limits, hands it to GraphQL.
 *
 * Nearly all that comes is one query or mutation by POST, answered without an error. That is run by the same phases and
 * plugins and written without Yoga's HTTP: `{ __typename }` takes 0.10 ms of CPU instead of 0.15. So are subscriptions,
 * whose streams are bounded and ended here. All other requests are Yoga's, and so is every answer with an error in it:
 * how it looks, and with which status and headers it comes.
 */
export function createGraphQLHandler({ graphql, admission, presenter, maxBodyBytes, keepAliveMs = 25_000 }: Options) {
  const beats = createBeats(keepAliveMs / quietBeats)

  return async (request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> => {
    const { headers, method = 'GET' } = request
    // A browser asks whether it may ask: that carries no key, and is nobody's request.
    const isPreflight = method === 'OPTIONS'
    const remoteAddress = request.socket.remoteAddress
    const viewer = isPreflight ? anonymous : await admission.admit(headers.authorization, remoteAddress)
    const context: HttpContext = { viewer, requestId }
    if (method === 'POST') context.params = await readParams(request, maxBodyBytes)
    if (method === 'GET') context.params = paramsOfUrl(request.url ?? '')
    const jsonType = method === 'POST' ? jsonTypeFor(headers) : null
    const answerable = { method, result: jsonType !== null, stream: takesEventStream(request) }
    if ((answerable.result || answerable.stream) && isPlain(context.params)) {
      const outcome = runPlainOperation(graphql, context, context.params, answerable)
      const result = await outcome.catch(() => undefined)
      if (isAsyncIterable(result)) {
        const write = (each: ExecutionResult) => bytesOf(each, presenter, requestId)
        return sendEventStream({ request, response, results: result, write, beats })
      }
      if (jsonType !== null && isSuccess(result)) return sendAnswer(response, headers, jsonType, stringify(result))
      if (result !== null) context.outcome = outcome as Promise<ExecutionResult>
    }
    await graphql(request, response, context)
  }
}

function isSuccess(result: ExecutionResult | null | undefined): result is ExecutionResult {
  return Boolean(result?.data) && !result?.errors && !result?.extensions
}

async function readParams(request: IncomingMessage, maxBodyBytes: number): Promise<Record<string, unknown>> {
  const type = request.headers['content-type'] ?? ''
  if (!/^application\/(graphql-response\+|graphql\+)?json\b/i.test(type)) {
    throw new InvalidInputError('content-type', `A POST carries application/json; got ${JSON.stringify(type)}.`)
  }
  const params = parseJson('body', textOf(await readBody(request, maxBodyBytes)))
  if (Array.isArray(params)) {
    throw new InvalidInputError(
      'body',
      'One operation a request is taken, and the body is a list: send them one by one.',
    )
  }
  if (typeof params !== 'object' || params === null) {
    throw new InvalidInputError('body', 'The body must be a JSON object with "query", "variables", "operationName".')
  }
  return params as Record<string, unknown>
}

function paramsOfUrl(url: string): Record<string, unknown> {
  const search = new URLSearchParams(url.split('?').slice(1).join('?'))
  const given = ['query', 'operationName', 'variables', 'extensions'].filter((name) => search.get(name))
  return Object.fromEntries(
    given.map((name) => {
      const value = search.get(name) ?? ''
      return [name, name === 'variables' || name === 'extensions' ? parseJson(name, value) : value]
    }),
  )
}
