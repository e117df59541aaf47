import type { IncomingMessage, ServerResponse } from 'node:http'
import { InvalidInputError } from '../errors.ts'
import type { GraphQLServer, HttpContext } from '../graphql/yoga.ts'
import type { Admission } from './admission.ts'
import { readBody } from './read-body.ts'

interface Options {
  graphql: GraphQLServer
  admission: Admission
  maxBodyBytes: number
}

/** GraphQL over HTTP and server-sent events: admits the request, reads its body within limits, hands it to GraphQL. */
export function createGraphQLHandler({ graphql, admission, maxBodyBytes }: Options) {
  return async (request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> => {
    const { authorization } = request.headers
    const viewer = await admission.admit(authorization, request.socket.remoteAddress)
    const context: HttpContext = { viewer, requestId }
    if (request.method === 'POST') context.params = await readParams(request, maxBodyBytes)
    await graphql(request, response, context)
  }
}

async function readParams(request: IncomingMessage, maxBodyBytes: number): Promise<Record<string, unknown>> {
  const type = request.headers['content-type'] ?? ''
  if (!/^application\/(graphql-response\+|graphql\+)?json\b/i.test(type)) {
    throw new InvalidInputError('content-type', `A POST carries application/json; got ${JSON.stringify(type)}.`)
  }
  const params = parse(await readBody(request, maxBodyBytes))
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

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (error) {
    throw new InvalidInputError('body', `The body is no JSON: ${(error as Error).message}.`)
  }
}
