import { randomUUID } from 'node:crypto'
import type { ExecutionArgs, ExecutionResult } from 'graphql'
import { CloseCode, type Context, type ServerOptions, type SubscribePayload } from 'graphql-ws'
import { isAsyncIterable } from 'graphql-yoga'
import { type ErrorCode, LimitError } from '../errors.ts'
import { withoutHttp } from '../graphql/errors.plugin.ts'
import type { ErrorPresenter } from '../graphql/errors.ts'
import { bytesOf } from '../graphql/result-bytes.ts'
import type { GraphQLServer } from '../graphql/yoga.ts'
import type { Admission } from './admission.ts'
import { asGraphQLError, failedResult } from './failed-result.ts'
import { createPump } from './pump.ts'
import { nextFrame, nextPrefix } from './websocket-frame.ts'
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
  async function prepare(connected: Connected, { id, payload, requestId }: Asked): Promise<ExecutionArgs> {
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
    const rootValue: Prepared = { execute, subscribe, connection: connected.extra, prefix: nextPrefix(id), requestId }
    return { schema, document, operationName, variableValues: variables ?? {}, contextValue, rootValue }
  }

  /**
   * The protocol pulls this, gets nothing, and says at the end that the operation is complete. The results are sent on
   * the way: its own way to a frame takes 5 µs more.
   */
  function reply(results: AsyncIterable<ExecutionResult>, prepared: Prepared, onEnd = () => {}) {
    const { connection, prefix, requestId } = prepared
    const send = (result: ExecutionResult) => connection.send(nextFrame(prefix, bytesOf(result, presenter, requestId)))
    const pump = createPump({ source: results, send, asLast: failedResult })
    const stream: AsyncIterableIterator<never> = {
      async next() {
        await pump.run().finally(onEnd)
        return over
      },
      async return() {
        onEnd()
        await pump.stop()
        return over
      },
      [Symbol.asyncIterator]: () => stream,
    }
    return stream
  }

  /** Takes a place on the connection for as long as the subscription lasts. */
  async function open(args: ExecutionArgs): Promise<AsyncIterableIterator<never>> {
    const prepared = args.rootValue as Prepared
    const { places } = prepared.connection
    if (places.size >= maxSubscriptions) return reply(alone(failedResult(tooMany(maxSubscriptions))), prepared)
    const place: Place = {}
    places.add(place)
    const onEnd = () => void places.delete(place)
    const result = await attempt(() => prepared.subscribe({ ...args, rootValue: undefined }))
    const results = isAsyncIterable(result) ? result : alone(result as ExecutionResult)
    const stream = reply(results as AsyncIterable<ExecutionResult>, prepared, onEnd)
    place.stream = stream
    return stream
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
    async onSubscribe(connected, id, payload) {
      const requestId = randomUUID()
      try {
        return await prepare(connected, { id, payload, requestId })
      } catch (thrown) {
        const errors = thrown instanceof AggregateError ? thrown.errors : [thrown]
        return errors.map((error) => presenter.present(asGraphQLError(error), requestId))
      }
    },
    async execute(args) {
      const prepared = args.rootValue as Prepared
      const result = await attempt(() => prepared.execute({ ...args, rootValue: undefined }))
      return reply(alone(result as ExecutionResult), prepared)
    },
    subscribe: open,
    /** What the protocol itself refuses (no such operation in the document) has not been presented yet. */
    onError: (_connected, _id, _payload, errors) =>
      errors.map((error) => withoutHttp(error.extensions.code ? error : presenter.present(error, randomUUID()))),
    /** The protocol ends what it knows by its id; an id that was used again too soon it has forgotten. */
    async onClose({ extra }) {
      await Promise.all([...extra.places].map(({ stream }) => stream?.return?.()))
    },
  }
}

interface Asked {
  id: string
  payload: SubscribePayload
  requestId: string
}

interface Prepared {
  execute: NonNullable<ServerOptions['execute']>
  subscribe: NonNullable<ServerOptions['subscribe']>
  connection: Connection
  prefix: Buffer
  requestId: string
}

const over = { done: true, value: undefined } as const

async function* alone(result: ExecutionResult): AsyncGenerator<ExecutionResult> {
  yield result
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

async function attempt<Result>(run: () => Result): Promise<Awaited<Result> | ExecutionResult> {
  try {
    return await run()
  } catch (error) {
    return failedResult(error)
  }
}

/** These tell a client that trying again is of no use; RFC 6455's "try again later", that it may be. */
const closeCodes: Partial<Record<ErrorCode, number>> = {
  UNAUTHENTICATED: CloseCode.Unauthorized,
  INTERNAL: CloseCode.InternalServerError,
}
const tryAgainLater = 1013
