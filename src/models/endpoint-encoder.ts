import { StartError, UnavailableError } from '../errors.ts'
import type { Encoder, Parts } from './encoder.ts'
import { EndpointAnswerError, readEndpointAnswer } from './endpoint-answer.ts'
import { requestEndpoint } from './endpoint-request.ts'
import { createGuardedFetch } from './guarded-fetch.ts'
import { meanOfParts } from './mean-vector.ts'
import { cutInWindows, limitWindows } from './text-windows.ts'

export interface EndpointEncoderOptions {
  /** To which `/embeddings` is added: `https://api.openai.com/v1`, `http://localhost:11434/v1`. */
  baseUrl: string
  model: string
  apiKey: string | null
  /** For each attempt of each request. */
  timeoutMs?: number
  /** What the model can take in at once; 6,000 characters are about 1,500 tokens of English, at worst 6,000. */
  maxWindowLength?: number
}

/** OpenAI takes 2,048, many local servers 64 or fewer by default. */
const maxInputs = 64
/** Half of what OpenAI takes in one request (300,000 tokens), if each character were a token. */
const maxInputLength = 150_000
const maxWindows = 64

/**
 * Any endpoint that speaks OpenAI's protocol. Not by the AI SDK: it takes the vectors in the order in which they come
 * whatever their `index`, reads no base64, and counts nothing. The operator names the endpoint, so it may be private.
 */
export function createEndpointEncoder(options: EndpointEncoderOptions): Encoder {
  const { model, apiKey, timeoutMs = 30_000, maxWindowLength = 6_000 } = options
  const url = readUrl(options.baseUrl)
  if (apiKey !== null && !/^[\x21-\x7e]+$/.test(apiKey)) {
    throw new StartError('The key of the endpoint that encodes texts has characters that no key has.')
  }
  const fetch = createGuardedFetch({ mayBePrivate: true })
  const closing = new AbortController()
  let dimensions: number | null = null

  return {
    model: `openai-compatible:${model}`,
    async encode(texts, callerSignal) {
      const signal = callerSignal ? AbortSignal.any([callerSignal, closing.signal]) : closing.signal
      signal.throwIfAborted()
      const cut = texts.map((parts) => windowsOf(parts, maxWindowLength))
      const vectors: Float32Array[] = []
      for (const input of batchesOf(cut.flat(2))) {
        const body = { model, input, encoding_format: 'float' }
        const read = (answer: string) => checkLength(readEndpointAnswer(answer, input.length))
        vectors.push(...(await requestEndpoint({ url, apiKey, body, timeoutMs, fetch, signal }, read)))
      }
      return cut.map((parts) => meanOfParts(parts.map((windows) => vectors.splice(0, windows.length))))
    },
    async close() {
      closing.abort(new UnavailableError('The encoder of texts is closed.'))
    },
  }

  /** A model that changes behind its name would spoil what is stored under it. */
  function checkLength(vectors: Float32Array[]): Float32Array[] {
    const length = vectors[0]?.length ?? 0
    dimensions ??= length
    if (length === dimensions) return vectors
    throw new EndpointAnswerError(`Required were vectors of ${dimensions} as before, and those of ${length} came.`)
  }
}

function readUrl(baseUrl: string): URL {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : null
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw new StartError('The endpoint that encodes texts needs an http or https address without a name or password.')
  }
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/embeddings`
  return url
}

function windowsOf(parts: Parts, maxWindowLength: number): (readonly string[])[] {
  // A run takes the space behind it along.
  const countPieces = (run: string) => run.length + 1
  const size = { maxPieces: maxWindowLength, countPieces, maxRunLength: Math.min(500, maxWindowLength - 1) }
  const windows = parts.map((part) => cutInWindows(part, size).filter((window) => /[\p{L}\p{N}]/u.test(window)))
  return limitWindows(windows, maxWindows)
}

function* batchesOf(windows: readonly string[]): Generator<string[]> {
  let batch: string[] = []
  let length = 0
  for (const window of windows) {
    if (batch.length === maxInputs || (batch.length > 0 && length + window.length > maxInputLength)) {
      yield batch
      batch = []
      length = 0
    }
    batch.push(window)
    length += window.length
  }
  if (batch.length > 0) yield batch
}
