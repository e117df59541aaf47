import { InvalidInputError } from '../errors.ts'

const maxLength = 200

/** A name for people: trimmed, not empty, without control characters (PostgreSQL refuses NUL). */
export function requireName(value: string, field: string): string {
  const name = value.trim()
  if (name.length === 0 || name.length > maxLength) {
    throw new InvalidInputError(field, `A name has 1 to ${maxLength} characters, got ${name.length}.`)
  }
  if (/\p{Cc}/u.test(name)) throw new InvalidInputError(field, 'A name has no control characters.')
  return name
}
