import { type ExecutionResult, getOperationAST } from 'graphql'
import type { GraphQLServer, HttpContext } from './yoga.ts'

/** What most requests ask for and nothing else: a text, and perhaps variables and a name. */
export interface PlainParams {
  query: string
  variables?: Record<string, unknown> | null
  operationName?: string | null
}

export function isPlain(params: object | undefined): params is PlainParams {
  const { query, variables, operationName, extensions, ...others } = (params ?? {}) as Record<string, unknown>
  return (
    typeof query === 'string' &&
    isObjectOrNothing(variables) &&
    isObjectOrNothing(extensions) &&
    (operationName === null || operationName === undefined || typeof operationName === 'string') &&
    Object.keys(others).length === 0
  )
}

function isObjectOrNothing(value: unknown): boolean {
  return value === undefined || (typeof value === 'object' && !Array.isArray(value))
}

/** Which kinds of answer can be given without Yoga's HTTP. */
export interface Answerable {
  method: string
  result: boolean
  stream: boolean
}

type Outcome = ExecutionResult | AsyncIterable<ExecutionResult>

/**
 * The phases of an operation that came by HTTP, with every plugin of the server, and without its HTTP. Null: its answer
 * is of a kind that is Yoga's to give, and nothing has been done. Whatever is wrong with the document is thrown or
 * answered as Yoga does.
 */
export async function runPlainOperation(
  graphql: GraphQLServer,
  context: HttpContext,
  { query, variables, operationName }: PlainParams,
  answerable: Answerable,
): Promise<Outcome | null> {
  // Yoga looks at the method alone, and takes a context without a request for that of a WebSocket.
  const given = { ...context, request: { method: answerable.method } }
  const { schema, parse, validate, contextFactory, execute, subscribe } = graphql.getEnveloped(given)
  const document = parse(query)
  const errors = validate(schema, document)
  if (errors.length > 0) return { errors }
  const isSubscription = getOperationAST(document, operationName)?.operation === 'subscription'
  if (!(isSubscription ? answerable.stream : answerable.result)) return null
  const contextValue = await contextFactory()
  const run = isSubscription ? subscribe : execute
  return run({ schema, document, contextValue, variableValues: variables, operationName })
}
