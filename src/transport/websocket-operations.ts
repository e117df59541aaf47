import { randomUUID } from 'node:crypto'
import { type ExecutionArgs, type ExecutionResult, GraphQLError } from 'graphql'
import { CloseCode, type Context, type OperationResult, type ServerOptions, type SubscribePayload } from 'graphql-ws'
import { isAsyncIterable } from 'graphql-yoga'
import { type ErrorCode, LimitError } from '../errors.ts'
import { endable } from '../graphql/endable.ts'
import { presentResult, withoutHttp } from '../graphql/errors.plugin.ts'
import type { ErrorPresenter } from '../graphql/errors.ts'
import type { GraphQLServer } from '../graphql/yoga.ts'
import { stringify } from '../raw-json.ts'
import type { Admission } from './admission.ts'
import type { Connection, Place } from './websocket-socket.ts'

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
      // No `request`: it is a GET, and by that Yoga would refuse every mutation.
    })
    const document = parse(payload.query)
    const errors = validate(schema, document)
    if (errors.length > 0) throw new AggregateError(errors)
    const { operationName = null, variables = null } = payload
    const contextValue = await contextFactory()
    const rootValue: Prepared = { execute, subscribe, connection: connected.extra }
    return { schema, document, operationName, variableValues: variables ?? {}, contextValue, rootValue }
  }

  /** Takes a place on the connection for as long as the subscription lasts. */
  async function open(args: ExecutionArgs): Promise<Awaited<OperationResult>> {
    const { subscribe, connection } = args.rootValue as Prepared
    if (connection.places.size >= maxSubscriptions) return failed(tooMany(maxSubscriptions))
    const place: Place = {}
    connection.places.add(place)
    const onEnd = () => void connection.places.delete(place)
    const result = await Promise.resolve(subscribe({ ...args, rootValue: undefined })).catch(failed)
    if (!isAsyncIterable(result)) {
      onEnd()
      return result as ExecutionResult
    }
    place.stream = endable({ source: result as AsyncIterable<ExecutionResult>, asLast: failed, onEnd }).values
    return place.stream
  }

  return {
    async onConnect(connected) {
      try {
        await admission.admit(authorizationOf(connected), connected.extra.request.socket.remoteAddress)
        return true
      } catch (error) {
        const { code, message } = presenter.explain(error, randomUUID())
        // A reason has 123 bytes at most.
        connected.extra.socket.close(closeCodes[code] ?? tryAgainLater, `${code}: ${message}`.slice(0, 120))
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
    async execute(args) {
      const { execute } = args.rootValue as Prepared
      try {
        return await execute({ ...args, rootValue: undefined })
      } catch (error) {
        return failed(error)
      }
    },
    subscribe: open,
    onNext({ extra }, _id, _payload, args, result) {
      const { requestId } = args.contextValue as { requestId: string }
      const { errors, ...rest } = presentResult(result, presenter, requestId)
      return extra.payload.hold(stringify({ ...(errors && { errors: errors.map(withoutHttp) }), ...rest }))
    },
    /** What the protocol itself refuses (no such operation in the document) has not been presented yet. */
    onError: (_connected, _id, _payload, errors) =>
      errors.map((error) => withoutHttp(error.extensions.code ? error : presenter.present(error, randomUUID()))),
    /** The protocol ends what it knows by its id; an id that was used again too soon it has forgotten. */
    async onClose({ extra }) {
      await Promise.all([...extra.places].map(({ stream }) => stream?.return?.()))
    },
  }
}

interface Prepared {
  execute: NonNullable<ServerOptions['execute']>
  subscribe: NonNullable<ServerOptions['subscribe']>
  connection: Connection
}

/** In `connectionParams`, as browsers must; or in the header of the upgrade, as others may. */
function authorizationOf({ connectionParams, extra }: Connected): string | undefined {
  const given = connectionParams?.authorization ?? connectionParams?.Authorization
  return typeof given === 'string' ? given : extra.request.headers.authorization
}

function tooMany(max: number): LimitError {
  return new LimitError('RATE_LIMITED', `A connection holds ${max} subscriptions at most; open another one.`, {
    limit: 'TRACEMEND_MAX_SUBSCRIPTIONS_PER_CONNECTION',
    max,
  })
}

function failed(error: unknown): ExecutionResult {
  return { errors: [asGraphQLError(error)] }
}

function asGraphQLError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error
  const originalError = error instanceof Error ? error : new Error(String(error))
  return new GraphQLError(originalError.message, { originalError })
}

/** These tell a client that trying again is of no use; RFC 6455's "try again later", that it may be. */
const closeCodes: Partial<Record<ErrorCode, number>> = {
  UNAUTHENTICATED: CloseCode.Unauthorized,
  INTERNAL: CloseCode.InternalServerError,
}
const tryAgainLater = 1013
