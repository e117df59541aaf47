import { cleanJson } from '../clean.ts'

/** A text within JSON was only cleaned as a text: what it says may be of any depth, and hold what can't be stored. */
export function parsed(value: unknown): unknown {
  if (typeof value !== 'string') return value
  try {
    return cleanJson(JSON.parse(value))
  } catch {
    return value
  }
}
