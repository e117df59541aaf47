import { type ExecutionResult, getOperationAST } from 'graphql'
import type { GraphQLServer, HttpContext } from './yoga.ts'

/** What most requests ask for and nothing else: a text, and perhaps variables and a name. */
export interface PlainParams {
  query: string
  variables?: Record<string, unknown> | null
  operationName?: string | null
}

export function isPlain(params: object | undefined): params is PlainParams {
  const { query, variables = null, operationName = null, ...others } = (params ?? {}) as Record<string, unknown>
  return (
    typeof query === 'string' &&
    typeof variables === 'object' &&
    !Array.isArray(variables) &&
    (operationName === null || typeof operationName === 'string') &&
    Object.keys(others).length === 0
  )
}

/**
 * The phases of an operation that came by POST, with every plugin of the server, and without its HTTP. Null: it is a
 * subscription, and nothing has been done. Whatever is wrong with the document is thrown or answered as Yoga does.
 */
export async function runPlainOperation(
  graphql: GraphQLServer,
  context: HttpContext,
  { query, variables, operationName }: PlainParams,
): Promise<ExecutionResult | null> {
  // Yoga looks at the method alone, and takes a context without a request for that of a WebSocket.
  const given = { ...context, request: { method: 'POST' } }
  const { schema, parse, validate, contextFactory, execute } = graphql.getEnveloped(given)
  const document = parse(query)
  const errors = validate(schema, document)
  if (errors.length > 0) return { errors }
  if (getOperationAST(document, operationName)?.operation === 'subscription') return null
  const contextValue = await contextFactory()
  return execute({ schema, document, contextValue, variableValues: variables, operationName })
}
