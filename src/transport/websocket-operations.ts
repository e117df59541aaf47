import { randomUUID } from 'node:crypto'
import { type ExecutionArgs, type FormattedExecutionResult, GraphQLError, getOperationAST } from 'graphql'
import { CloseCode, type Context, type ServerOptions, type SubscribePayload } from 'graphql-ws'
import { DomainError, LimitError } from '../errors.ts'
import { presentResult } from '../graphql/errors.plugin.ts'
import type { ErrorPresenter } from '../graphql/errors.ts'
import type { GraphQLServer } from '../graphql/yoga.ts'
import type { Admission } from './admission.ts'
import type { Connection } from './websocket-socket.ts'

interface Options {
  graphql: GraphQLServer
  admission: Admission
  presenter: ErrorPresenter
  maxSubscriptions: number
}

type Connected = Context<Record<string, unknown> | undefined, Connection>
type Hooks = ServerOptions<Record<string, unknown> | undefined, Connection>

/**
 * What the protocol asks of us: who may connect, what an operation is, how an error looks. The phases of GraphQL are
 * those of HTTP (`getEnveloped`), so that every plugin holds here too. Each operation is admitted anew: a key that was
 * revoked while the connection was open opens nothing any more.
 */
export function createOperations({ graphql, admission, presenter, maxSubscriptions }: Options): Hooks {
  async function prepare(connected: Connected, payload: SubscribePayload, requestId: string): Promise<ExecutionArgs> {
    const { request } = connected.extra
    const viewer = await admission.admit(authorizationOf(connected), request.socket.remoteAddress)
    const { schema, execute, subscribe, contextFactory, parse, validate } = graphql.getEnveloped({
      viewer,
      requestId,
      params: payload,
      request,
    })
    const document = parse(payload.query)
    const errors = validate(schema, document)
    if (errors.length > 0) throw new AggregateError(errors)
    const { operationName = null, variables = null } = payload
    if (getOperationAST(document, operationName)?.operation === 'subscription') checkCount(connected, maxSubscriptions)
    const contextValue = await contextFactory()
    return {
      schema,
      document,
      operationName: operationName,
      variableValues: variables ?? {},
      contextValue,
      rootValue: { execute, subscribe },
    }
  }

  return {
    async onConnect(connected) {
      try {
        await admission.admit(authorizationOf(connected), connected.extra.request.socket.remoteAddress)
        return true
      } catch (error) {
        const { code, reason } = closing(error)
        connected.extra.socket.close(code, reason)
        return false
      }
    },
    async onSubscribe(connected, _id, payload) {
      const requestId = randomUUID()
      try {
        return await prepare(connected, payload, requestId)
      } catch (thrown) {
        const errors = thrown instanceof AggregateError ? thrown.errors : [thrown]
        return errors.map((error) => presenter.present(asGraphQLError(error), requestId))
      }
    },
    execute: (args) => (args.rootValue as Enveloped).execute({ ...args, rootValue: undefined }),
    subscribe: (args) => (args.rootValue as Enveloped).subscribe({ ...args, rootValue: undefined }),
    onNext(_connected, _id, _payload, args, result) {
      const { requestId } = args.contextValue as { requestId: string }
      return withoutHttp(presentResult(result, presenter, requestId)) as FormattedExecutionResult
    },
    onError: (_connected, _id, _payload, errors) => withoutHttp({ errors: [...errors] }).errors ?? [],
  }
}

interface Enveloped {
  execute: NonNullable<ServerOptions['execute']>
  subscribe: NonNullable<ServerOptions['subscribe']>
}

/** In `connectionParams`, as browsers must; or in the header of the upgrade, as others may. */
function authorizationOf({ connectionParams, extra }: Connected): string | undefined {
  const given = connectionParams?.authorization ?? connectionParams?.Authorization
  return typeof given === 'string' ? given : extra.request.headers.authorization
}

function checkCount({ subscriptions }: Connected, max: number): void {
  // The protocol has reserved the place of the one that is asked for already.
  if (Object.keys(subscriptions).length <= max) return
  throw new LimitError('RATE_LIMITED', `A connection holds ${max} subscriptions at most; open another one.`, {
    limit: 'TRACEMEND_MAX_SUBSCRIPTIONS_PER_CONNECTION',
    max,
  })
}

function asGraphQLError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error
  const original = error instanceof Error ? error : new Error(String(error))
  return new GraphQLError(original.message, { originalError: original })
}

/** 4401 tells a client that trying again is of no use; the others, that it may. */
function closing(error: unknown): { code: number; reason: string } {
  if (!(error instanceof DomainError)) return { code: CloseCode.InternalServerError, reason: 'Internal server error' }
  const code = error.code === 'UNAUTHENTICATED' ? CloseCode.Unauthorized : 1013
  // A reason has 123 bytes at most.
  return { code, reason: `${error.code}: ${error.message}`.slice(0, 120) }
}

function withoutHttp<Result extends { errors?: readonly GraphQLError[] | undefined }>(result: Result) {
  const errors = result.errors?.map((error) => {
    const { http: _, ...extensions } = error.extensions
    return { ...error.toJSON(), extensions }
  })
  return { ...result, ...(errors && { errors }) }
}
