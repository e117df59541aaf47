import { type IncomingHttpHeaders, request } from 'node:http'
import { type Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { GraphQLErrorAnswer } from './graphql-client.ts'

export interface RawAnswer {
  status: number
  headers: IncomingHttpHeaders
  text: string
  /** The one error that came; undefined where there is none, or more. */
  error: GraphQLErrorAnswer | undefined
}

export interface RawRequest {
  url: string
  method?: string
  headers?: Record<string, string>
  /** Sent as it is; a stream without its length, in chunks. */
  body?: Buffer | string | Readable
}

/** For what `fetch` would not send: the answer is read even while the request is still being sent, or can't be. */
export function sendRaw({ url, method = 'POST', headers = {}, body = '' }: RawRequest): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent: false })
    outgoing.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('error', reject)
      response.on('end', () => {
        outgoing.destroy()
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, error: onlyError(text) })
      })
    })
    outgoing.on('error', reject)
    if (typeof body === 'string' || Buffer.isBuffer(body)) outgoing.end(body)
    else pipeline(body, untilClosed(outgoing)).catch(() => {})
  })
}

/** Ends the source when the server will take no more, instead of failing: the answer tells what it was. */
function untilClosed(outgoing: Writable): Writable {
  return new Writable({
    write: (chunk, _, done) => (outgoing.destroyed ? done(new Error('closed')) : outgoing.write(chunk, done)),
    final: (done) => outgoing.end(() => done()),
  })
}

function onlyError(text: string): GraphQLErrorAnswer | undefined {
  try {
    const { errors } = JSON.parse(text) as { errors?: GraphQLErrorAnswer[] }
    return errors?.length === 1 ? errors[0] : undefined
  } catch {
    return undefined
  }
}
