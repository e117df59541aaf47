import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ExecutionResult } from 'graphql'
import { InvalidInputError } from '../errors.ts'
import { isPlain, runPlainOperation } from '../graphql/plain-operation.ts'
import type { GraphQLServer, HttpContext } from '../graphql/yoga.ts'
import { stringify } from '../raw-json.ts'
import { anonymous } from '../tenants/viewer.ts'
import type { Admission } from './admission.ts'
import { jsonTypeFor, sendAnswer } from './json-answer.ts'
import { parseJson, textOf } from './json-text.ts'
import { readBody } from './read-body.ts'

interface Options {
  graphql: GraphQLServer
  admission: Admission
  maxBodyBytes: number
}

/**
 * GraphQL over HTTP and server-sent events: admits the request, reads its body within limits, hands it to GraphQL.
 *
 * Nearly all that comes is one query or mutation by POST, answered without an error. That is run by the same phases and
 * plugins and written without Yoga's HTTP: `{ __typename }` takes 0.10 ms of CPU instead of 0.15. All other requests
 * are Yoga's, and so is every answer with an error in it: how it looks, and with which status and headers it comes.
 */
export function createGraphQLHandler({ graphql, admission, maxBodyBytes }: Options) {
  return async (request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> => {
    const { authorization } = request.headers
    // A browser asks whether it may ask: that carries no key, and is nobody's request.
    const isPreflight = request.method === 'OPTIONS'
    const viewer = isPreflight ? anonymous : await admission.admit(authorization, request.socket.remoteAddress)
    const context: HttpContext = { viewer, requestId }
    if (request.method === 'POST') context.params = await readParams(request, maxBodyBytes)
    if (request.method === 'GET') context.params = paramsOfUrl(request.url ?? '')
    const jsonType = request.method === 'POST' ? jsonTypeFor(request.headers) : null
    if (jsonType !== null && isPlain(context.params)) {
      const outcome = runPlainOperation(graphql, context, context.params)
      const result = await outcome.catch(() => undefined)
      if (isSuccess(result)) return sendAnswer(response, request.headers, jsonType, stringify(result))
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
