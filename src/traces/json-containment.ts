/**
 * Whether a JSON value holds another, as PostgreSQL's `jsonb @> jsonb` has it: objects by the keys that are asked for,
 * lists whatever their order and how often something stands in them, and at the very top a list also by a bare value.
 */
export function containsJson(value: unknown, wanted: unknown): boolean {
  if (Array.isArray(value) && !isContainer(wanted)) return value.includes(wanted)
  return contains(value, wanted)
}

function contains(value: unknown, wanted: unknown): boolean {
  if (!isContainer(wanted)) return value === wanted
  if (!isContainer(value) || Array.isArray(value) !== Array.isArray(wanted)) return false
  if (Array.isArray(value)) {
    return (wanted as unknown[]).every((each) => value.some((held) => contains(held, each)))
  }
  return Object.entries(wanted).every(
    ([key, each]) => Object.hasOwn(value, key) && contains((value as Record<string, unknown>)[key], each),
  )
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
