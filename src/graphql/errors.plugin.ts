import { type ExecutionResult, GraphQLError } from 'graphql'
import { isAsyncIterable, type Plugin } from 'graphql-yoga'
import { InvalidInputError } from '../errors.ts'
import { stringify } from '../raw-json.ts'
import type { RequestContext } from './context.ts'
import type { ErrorPresenter } from './errors.ts'

type Processor = NonNullable<Parameters<NonNullable<Plugin['onResultProcess']>>[0]['resultProcessor']>

/**
 * Every result that leaves through Yoga passes here, whichever phase failed: all that have an error in them, and more
 * (see graphql-http.ts). Streams and WebSocket ask the presenter themselves (see result-bytes.ts).
 * Yoga writes a result out with the `stringify` that it finds on it.
 */
export function useErrorPresenter(presenter: ErrorPresenter): Plugin<RequestContext> {
  return {
    onResultProcess({ result, setResult, resultProcessor, setResultProcessor, acceptableMediaTypes, serverContext }) {
      const { requestId } = serverContext as unknown as RequestContext
      const present = (each: ExecutionResult) => ({ ...presentResult(each, presenter, requestId), stringify })
      // A stream comes here only where the client would not take one, and must not stay open.
      const isStream = isAsyncIterable(result)
      if (isStream) (result as AsyncIterableIterator<unknown>).return?.()
      if (isStream || !resultProcessor) {
        setResult(present({ errors: [notAcceptable(acceptableMediaTypes)] }) as typeof result)
        setResultProcessor(refuseAsJson, 'application/json')
      } else if (!Array.isArray(result)) {
        setResult(present(result as ExecutionResult) as typeof result)
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

function notAcceptable(acceptable: readonly string[]): GraphQLError {
  const types = [...new Set(acceptable)].join(' or ')
  const refusal = new InvalidInputError('accept', `The answer can be had as ${types}; "accept" allows nothing of it.`)
  return new GraphQLError(refusal.message, { originalError: refusal })
}

const refuseAsJson: Processor = (result, fetchAPI) => {
  const errors = (result as ExecutionResult).errors?.map(withoutHttp)
  const headers = { 'content-type': 'application/json; charset=utf-8' }
  return new fetchAPI.Response(JSON.stringify({ errors }), { status: 406, headers })
}

/** As it is sent: what was meant for HTTP alone is left out. */
export function withoutHttp(error: GraphQLError) {
  const { http: _, ...extensions } = error.extensions
  return { ...error.toJSON(), extensions }
}
