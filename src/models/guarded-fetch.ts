import { lookup as lookupHost } from 'node:dns/promises'
import http from 'node:http'
import https from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { isPublicAddress } from './public-address.ts'

/**
 * The `fetch` that every request to a provider goes through. What it promises:
 * - Only http and https, without a name or password in the URL.
 * - Where `mayBePrivate` is false, every address of the host is public. The connection is made to one of the addresses
 *   that were checked: the name is resolved once, so a second answer (DNS rebinding) is never asked for.
 * - No redirect is followed, for it would lead around the check. No proxy of the environment, no shared sockets.
 * - An aborted signal closes the socket, whether waiting for the head or in the middle of the body.
 * - A body of more than `maxBytes` ends as an error.
 */
export interface GuardedFetchOptions {
  mayBePrivate: boolean
  resolve?: Resolve
  maxBytes?: number
  /** Just before the connection is made. */
  onRequest?: () => void
}

export interface ResolvedAddress {
  address: string
  family: number
}

export type Resolve = (hostname: string) => Promise<ResolvedAddress[]>
export type Fetch = typeof globalThis.fetch

/** The address, or where it leads to, is one that may not be called. */
export class ForbiddenAddressError extends Error {
  override readonly name = 'ForbiddenAddressError'
}

const resolveHost: Resolve = (hostname) => lookupHost(hostname, { all: true })

export function createGuardedFetch(options: GuardedFetchOptions): Fetch {
  return async (input, init = {}) => {
    const url = checkedUrl(input)
    const addresses = await checkedAddresses(url, options)
    const signal = init.signal ?? undefined
    signal?.throwIfAborted()
    options.onRequest?.()
    const answer = await send(url, addresses, init)
    const status = answer.statusCode ?? 0
    if (status >= 300 && status < 400) {
      answer.destroy()
      throw new ForbiddenAddressError(
        `${url.host} answered ${status} and redirects elsewhere, and redirects are not followed. ` +
          'Give the address that it redirects to.',
      )
    }
    return toResponse(answer, status, options.maxBytes ?? defaultMaxBytes)
  }
}

const defaultMaxBytes = 64 * 1024 * 1024

function checkedUrl(input: Parameters<Fetch>[0]): URL {
  const url = new URL(input instanceof Request ? input.url : input)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new ForbiddenAddressError(`Only http and https addresses can be called, not ${url.protocol}`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new ForbiddenAddressError('The address must hold no user name and no password.')
  }
  return url
}

async function checkedAddresses(url: URL, options: GuardedFetchOptions): Promise<ResolvedAddress[]> {
  // URL has normalised decimal, octal and hexadecimal forms of an IPv4 address by now.
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (!options.mayBePrivate && /(^|\.)localhost\.?$/.test(host)) throw forbidden(host)
  const family = isIP(host)
  const addresses = family > 0 ? [{ address: host, family }] : await (options.resolve ?? resolveHost)(host)
  if (addresses.length === 0) throw new Error(`${host} has no address.`)
  if (!options.mayBePrivate && !addresses.every(({ address }) => isPublicAddress(address))) throw forbidden(host)
  return addresses
}

/** Doesn't say which address it is: that would be a look into the network that is kept private. */
function forbidden(host: string): ForbiddenAddressError {
  return new ForbiddenAddressError(`${host} is no address of the public internet, and only such may be called.`)
}

function send(url: URL, addresses: ResolvedAddress[], init: RequestInit): Promise<http.IncomingMessage> {
  const { promise, resolve, reject } = settleable<http.IncomingMessage>()
  const request = (url.protocol === 'https:' ? https : http).request(url, {
    method: init.method ?? 'GET',
    headers: { ...Object.fromEntries(new Headers(init.headers)), 'accept-encoding': 'identity' },
    lookup: pinned(addresses),
    agent: false,
    ...(init.signal && { signal: init.signal }),
  })
  request.on('response', resolve)
  // Stays for good: an error may come after the answer has begun, and would be an uncaught one.
  request.on('error', reject)
  request.on('close', () => reject(new Error(`${url.host} closed the connection without an answer.`)))
  request.end(typeof init.body === 'string' || init.body instanceof Uint8Array ? init.body : undefined)
  return promise
}

function pinned(addresses: ResolvedAddress[]): LookupFunction {
  return (_hostname, options, callback) => {
    if (options.all) callback(null, addresses)
    else callback(null, addresses[0]?.address ?? '', addresses[0]?.family)
  }
}

function toResponse(answer: http.IncomingMessage, status: number, maxBytes: number): Response {
  const headers = new Headers()
  for (const [name, values] of Object.entries(answer.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value)
  }
  const init = { status, statusText: answer.statusMessage ?? '', headers }
  if (status === 204 || status === 205) {
    answer.resume()
    return new Response(null, init)
  }
  return new Response(toStream(answer, maxBytes), init)
}

/**
 * What came before the connection was cut is delivered before the error: a stream of node's, or an error put into a
 * web stream, would throw away what was not read yet.
 */
function toStream(answer: http.IncomingMessage, maxBytes: number): ReadableStream<Uint8Array> {
  const queue: Buffer[] = []
  let bytes = 0
  let ending: { error: Error | null } | null = null
  let wake = () => {}

  const end = (error: Error | null) => {
    ending ??= { error }
    wake()
  }
  answer.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > maxBytes) return answer.destroy(new Error(`The answer is larger than ${maxBytes} bytes.`))
    queue.push(chunk)
    if (queue.length >= maxQueue) answer.pause()
    wake()
  })
  answer.on('end', () => end(null))
  answer.on('error', end)
  answer.on('close', () => end(answer.complete ? null : new Error('The connection was closed.')))

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      while (queue.length === 0 && ending === null) {
        answer.resume()
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      const chunk = queue.shift()
      if (chunk !== undefined) return controller.enqueue(chunk)
      if (ending?.error) throw ending.error
      controller.close()
    },
    cancel() {
      answer.destroy()
    },
  })
}

/** Chunks that wait for their reader; of at most 64 KB each. */
const maxQueue = 16

function settleable<T>() {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue
    reject = onError
  })
  return { promise, resolve, reject }
}
