import type { ExecutionResult, GraphQLError } from 'graphql'
import { isAsyncIterable, mapAsyncIterator, type Plugin } from 'graphql-yoga'
import type { RequestContext } from './context.ts'
import type { ErrorPresenter } from './errors.ts'

/** Every result that leaves over HTTP or SSE passes here, whichever phase failed. WebSocket asks the presenter itself. */
export function useErrorPresenter(presenter: ErrorPresenter): Plugin<RequestContext> {
  return {
    onExecutionResult({ result, setResult, context }) {
      const { requestId } = context as unknown as RequestContext
      if (isAsyncIterable(result)) {
        const iterator = (result as AsyncIterable<ExecutionResult>)[Symbol.asyncIterator]()
        setResult(mapAsyncIterator(iterator, (each) => presentResult(each, presenter, requestId)) as typeof result)
      } else if (result && !Array.isArray(result)) {
        setResult(presentResult(result as ExecutionResult, presenter, requestId) as typeof result)
      }
    },
  }
}

interface WithErrors {
  errors?: readonly GraphQLError[] | undefined
  data?: unknown
}

export function presentResult<Result extends WithErrors>(
  result: Result,
  presenter: ErrorPresenter,
  requestId: string,
): Result {
  if (!result.errors?.length) return result
  const errors = result.errors.map((error) => presenter.present(error, requestId))
  // A status speaks for the whole answer: with data in it, the answer is a success.
  if (result.data) for (const error of errors) delete error.extensions.http
  return { ...result, errors }
}
