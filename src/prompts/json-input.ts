import { cleanJson, JsonNumberError, JsonTooDeepError } from '../clean.ts'
import { InvalidInputError } from '../errors.ts'

/** Deeper than what is written for a purpose; and prompts are compiled and compared by recursion. */
const maxJsonDepth = 100

/** As it is stored: cleaned, and nothing for what was left out. */
export function readJson(value: unknown, field: string): unknown {
  try {
    return cleanJson(value ?? null, maxJsonDepth)
  } catch (error) {
    if (error instanceof JsonTooDeepError) {
      throw new InvalidInputError(field, `JSON here is nested ${maxJsonDepth} deep at most; got more.`)
    }
    if (error instanceof JsonNumberError) {
      throw new InvalidInputError(field, 'JSON here has numbers that fit 64 bits; got one that does not.')
    }
    throw error
  }
}
