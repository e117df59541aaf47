import { cleanJson, JsonNumberError, JsonTooDeepError } from '../clean.ts'
import { InvalidInputError } from '../errors.ts'
import { shown } from '../shown.ts'

const maxVariablesDepth = 100
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
  try {
    return cleanJson(given, maxVariablesDepth) as Record<string, unknown>
  } catch (error) {
    if (!(error instanceof JsonTooDeepError || error instanceof JsonNumberError)) throw error
    const rule = `Variables are JSON, nested ${maxVariablesDepth} deep at most, with numbers that fit 64 bits`
    throw new InvalidInputError('variables', `${rule}; got others.`)
  }
}
