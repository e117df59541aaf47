import type { ExecutionResult } from 'graphql'
import { stringify } from '../raw-json.ts'
import { presentResult, withoutHttp } from './errors.plugin.ts'
import type { ErrorPresenter } from './errors.ts'
import { SharedResult } from './shared-result.ts'

/** A result as this client gets it: JSON on one line. */
export function bytesOf(result: ExecutionResult, presenter: ErrorPresenter, requestId: string): Buffer {
  if (result instanceof SharedResult && result.bytes) return result.bytes
  const { errors, data, extensions } = presentResult(result, presenter, requestId)
  return Buffer.from(stringify({ errors: errors?.map(withoutHttp), data, extensions }))
}
