import { InvalidInputError } from '../errors.ts'
import { countCharacters } from '../text-length.ts'

const maxLength = 200

/** A name for people: trimmed, not empty, without control characters, NUL among them, and whole characters. */
export function requireName(value: string, field: string): string {
  const name = value.trim()
  const length = countCharacters(name)
  if (length === 0 || length > maxLength) {
    throw new InvalidInputError(field, `A name has 1 to ${maxLength} characters, got ${length}.`)
  }
  if (/[\p{Cc}\p{Cs}]/u.test(name)) throw new InvalidInputError(field, 'A name has no control characters.')
  return name
}
