import { isRecord, type JsonRecord } from '../json-record.ts'
import { OutOfTimeError, withinTime } from '../time-box.ts'
import { at, type Place, valueMismatch } from './schema-keywords.ts'

/**
 * Checks a JSON value against a JSON Schema: everything of draft 7 and 2020-12 that speaks of values, but `unevaluated…`,
 * `$dynamicRef`, `format` and references to other documents. It is interpreted: schemas come from tenants, and must
 * not be compiled to code as ajv does. A pattern may be made to run forever, hence the time limit.
 */
export function schemaMismatch(schema: unknown, value: unknown): string | null {
  try {
    return withinTime(maxCheckMs, () => mismatch(value, schema, { root: schema, path: '', depth: 0, check: mismatch }))
  } catch (error) {
    if (error instanceof OutOfTimeError) return `it takes longer than ${maxCheckMs} ms to check against the schema`
    if (error instanceof RangeError) return 'it is nested too deeply to be checked'
    throw error
  }
}

const maxCheckMs = 500
const maxDepth = 300

function mismatch(value: unknown, schema: unknown, place: Place): string | null {
  if (schema === false) return at(place, 'must not be there')
  if (!isRecord(schema)) return null
  // A reference may lead to itself.
  if (place.depth > maxDepth) throw new RangeError()
  const inner = { ...place, depth: place.depth + 1 }
  return (
    (typeof schema.$ref === 'string' ? mismatch(value, referenced(schema.$ref, place.root), inner) : null) ??
    combinedMismatch(value, schema, inner) ??
    valueMismatch(value, schema, inner)
  )
}

function combinedMismatch(value: unknown, schema: JsonRecord, place: Place): string | null {
  const meets = (part: unknown) => mismatch(value, part, place) === null
  for (const part of listOf(schema.allOf)) {
    const problem = mismatch(value, part, place)
    if (problem !== null) return problem
  }
  if (Array.isArray(schema.anyOf) && !schema.anyOf.some(meets)) return at(place, 'meets none of anyOf')
  if (Array.isArray(schema.oneOf)) {
    const met = schema.oneOf.filter(meets).length
    if (met !== 1) return at(place, `meets ${met} of oneOf, which must be exactly one`)
  }
  if (schema.not !== undefined && meets(schema.not)) return at(place, 'meets what it must not')
  if (schema.if === undefined) return null
  return mismatch(value, meets(schema.if) ? schema.then : schema.else, place)
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

/** A reference within the document, by JSON pointer; others are unknown here and hold no one back. */
export function referenced(reference: string, root: unknown): unknown {
  if (!reference.startsWith('#')) return true
  let found: unknown = root
  for (const step of reference.slice(1).split('/').slice(1)) {
    const key = unescaped(step)
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return true
    found = (found as JsonRecord)[key]
  }
  return found
}

function unescaped(step: string): string {
  const plain = step.replaceAll('~1', '/').replaceAll('~0', '~')
  try {
    return decodeURIComponent(plain)
  } catch {
    return plain
  }
}
