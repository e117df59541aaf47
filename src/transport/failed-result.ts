import { type ExecutionResult, GraphQLError } from 'graphql'

/** The result of an operation that has failed as a whole. */
export function failedResult(error: unknown): ExecutionResult {
  return { errors: [asGraphQLError(error)] }
}

export function asGraphQLError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error
  const originalError = error instanceof Error ? error : new Error(String(error))
  return new GraphQLError(originalError.message, { originalError })
}
