import { InvalidInputError } from '../errors.ts'
import { shown } from '../shown.ts'
import { readJson } from './json-input.ts'

const maxVariables = 10_000

export function readVariables(variables: unknown): Record<string, unknown> {
  const given = variables ?? {}
  if (typeof given !== 'object' || Array.isArray(given)) {
    throw new InvalidInputError('variables', `Variables are a JSON object, by name; got ${shown(given)}.`)
  }
  const { length } = Object.keys(given)
  if (length > maxVariables) {
    throw new InvalidInputError('variables', `Up to ${maxVariables} variables may be given; got ${length}.`)
  }
  return readJson(given, 'variables') as Record<string, unknown>
}
