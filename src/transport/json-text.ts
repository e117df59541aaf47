import { isUtf8 } from 'node:buffer'
import { InvalidInputError } from '../errors.ts'

export function textOf(body: Buffer): string {
  if (!isUtf8(body)) throw new InvalidInputError('body', 'The body is no UTF-8.')
  // A byte order mark is no JSON, but there are clients that begin with one.
  return body.toString('utf8').replace(/^\uFEFF/, '')
}

export function parseJson(field: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new InvalidInputError(field, `"${field}" is no JSON: ${(error as Error).message}.`)
  }
}
