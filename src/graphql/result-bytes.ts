import type { ExecutionResult } from 'graphql'
import { stringify } from '../raw-json.ts'
import { presentResult, withoutHttp } from './errors.plugin.ts'
import type { ErrorPresenter } from './errors.ts'
import { SharedResult } from './shared-result.ts'

/** A result goes out to all its clients in one turn. One that is kept for a slow client is not kept twice. */
let latest: { result: SharedResult; bytes: Buffer } | null = null

/** A result as this client gets it: JSON on one line. What is shared is written once for all. */
export function bytesOf(result: ExecutionResult, presenter: ErrorPresenter, requestId: string): Buffer {
  if (!(result instanceof SharedResult) || result.text === null) return own(result, presenter, requestId)
  if (latest?.result !== result) latest = { result, bytes: Buffer.from(result.text) }
  return latest.bytes
}

function own(result: ExecutionResult, presenter: ErrorPresenter, requestId: string): Buffer {
  const { errors, data, extensions } = presentResult(result, presenter, requestId)
  return Buffer.from(stringify({ errors: errors?.map(withoutHttp), data, extensions }))
}
