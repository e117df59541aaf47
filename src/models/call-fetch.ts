import { isRecord, type JsonRecord, parseJson } from '../json-record.ts'
import type { Fetch } from './guarded-fetch.ts'

/** What happened on the wire during one call, from which alone it is clear why a stream ended. */
export interface CallWatch {
  sentAt: number | null
  hasFirstByte: boolean
  failure: { stage: 'connect' | 'body'; error: unknown } | null
}

export interface CallFetchOptions {
  fetch: Fetch
  watch: CallWatch
  /** Put into the body of the request; an object is merged into the one that is there. */
  body: JsonRecord
  rawArguments: Map<string, string>
  onFirstByte(): void
}

/**
 * The fetch of one call: completes the body that the SDK wrote, and watches the answer. The first byte is seen here
 * and not at the first part of the SDK's stream, for of a reasoning model that may come a minute later.
 */
export function createCallFetch({ fetch, watch, body, rawArguments, onFirstByte }: CallFetchOptions): Fetch {
  return async (input, init) => {
    const response = await fetch(input, { ...init, ...completed(init?.body) }).catch((error) => {
      watch.failure = { stage: 'connect', error }
      throw error
    })
    return response.body === null ? response : new Response(watched(response.body), response)
  }

  function completed(given: unknown): { body?: string } {
    const parsed = typeof given === 'string' ? parseJson(given) : undefined
    return isRecord(parsed) ? { body: JSON.stringify(merged(withRawArguments(parsed, rawArguments), body)) } : {}
  }

  /** An end to the SDK, for at an error it drops what it has not read yet; the watch knows better. */
  function broken(error: unknown): { done: true; value?: undefined } {
    watch.failure = { stage: 'body', error }
    return { done: true }
  }

  function watched(stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    const reader = stream.getReader()
    return new ReadableStream({
      async pull(controller) {
        const { done, value } = await reader.read().catch(broken)
        if (done) return controller.close()
        if (!watch.hasFirstByte) {
          watch.hasFirstByte = true
          onFirstByte()
        }
        controller.enqueue(value)
      },
      cancel: (reason) => reader.cancel(reason),
    })
  }
}

function merged(base: JsonRecord, extra: JsonRecord): JsonRecord {
  const result = { ...base }
  for (const [key, value] of Object.entries(extra)) {
    const present = base[key]
    result[key] = isRecord(present) && isRecord(value) ? merged(present, value) : value
  }
  return result
}

/** OpenAI's arguments are a text, which the SDK writes anew: spaces, large numbers and what is no JSON would change. */
function withRawArguments(body: JsonRecord, raw: Map<string, string>): JsonRecord {
  for (const message of Array.isArray(body.messages) ? body.messages : []) {
    for (const call of isRecord(message) && Array.isArray(message.tool_calls) ? message.tool_calls : []) {
      const text = raw.get(call?.id)
      if (text !== undefined && typeof call.function?.arguments === 'string') call.function.arguments = text
    }
  }
  for (const item of Array.isArray(body.input) ? body.input : []) {
    const text = isRecord(item) && item.type === 'function_call' ? raw.get(String(item.call_id)) : undefined
    if (text !== undefined) item.arguments = text
  }
  return body
}
