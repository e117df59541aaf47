import { isDeepStrictEqual } from 'node:util'
import { isRecord, type JsonRecord } from '../json-record.ts'

export interface Place {
  root: unknown
  /** Dotted, for the message. */
  path: string
  depth: number
  /** Checks what is within: json-schema.ts, which this file can't import in turn. */
  check(value: unknown, schema: unknown, place: Place): string | null
}

export function at(place: Place, problem: string): string {
  return `${place.path === '' ? 'it' : place.path} ${problem}`
}

/** What the keywords of a schema say of the value itself; references and combinations are followed in json-schema.ts. */
export function valueMismatch(value: unknown, schema: JsonRecord, place: Place): string | null {
  return (
    typeMismatch(value, schema, place) ??
    (typeof value === 'string' ? stringMismatch(value, schema, place) : null) ??
    (typeof value === 'number' ? numberMismatch(value, schema, place) : null) ??
    (Array.isArray(value) ? arrayMismatch(value, schema, place) : null) ??
    (isRecord(value) ? objectMismatch(value, schema, place) : null)
  )
}

function typeMismatch(value: unknown, schema: JsonRecord, place: Place): string | null {
  // OpenAPI's word, which Gemini's schemas use.
  if (value === null && schema.nullable === true) return null
  const types = typeof schema.type === 'string' ? [schema.type] : schema.type
  if (Array.isArray(types) && !types.some((type) => isOfType(value, String(type).toLowerCase()))) {
    return at(place, `must be ${types.join(' or ')}`)
  }
  if (Array.isArray(schema.enum) && !schema.enum.some((one) => isEqual(one, value))) {
    return at(place, 'is none of the values of its enum')
  }
  if (Object.hasOwn(schema, 'const') && !isEqual(schema.const, value)) return at(place, 'is not the value of its const')
  return null
}

function isOfType(value: unknown, type: string): boolean {
  if (type === 'null') return value === null
  if (type === 'integer') return Number.isInteger(value)
  if (type === 'array') return Array.isArray(value)
  if (type === 'object') return isRecord(value)
  return typeof value === type
}

function stringMismatch(value: string, schema: JsonRecord, place: Place): string | null {
  const length = [...value].length
  if (below(schema.minLength, length)) return at(place, `must have at least ${schema.minLength} characters`)
  if (above(schema.maxLength, length)) return at(place, `must have at most ${schema.maxLength} characters`)
  if (typeof schema.pattern === 'string' && !toPattern(schema.pattern).test(value)) {
    return at(place, 'does not match its pattern')
  }
  return null
}

function numberMismatch(value: number, schema: JsonRecord, place: Place): string | null {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema
  if (below(minimum, value)) return at(place, `must be at least ${minimum}`)
  if (above(maximum, value)) return at(place, `must be at most ${maximum}`)
  if (typeof exclusiveMinimum === 'number' && value <= exclusiveMinimum) {
    return at(place, `must be greater than ${exclusiveMinimum}`)
  }
  if (typeof exclusiveMaximum === 'number' && value >= exclusiveMaximum) {
    return at(place, `must be less than ${exclusiveMaximum}`)
  }
  if (typeof multipleOf === 'number' && !isMultiple(value, multipleOf)) {
    return at(place, `must be a multiple of ${multipleOf}`)
  }
  return null
}

/** 0.3 is a multiple of 0.1, though not to a computer. */
function isMultiple(value: number, factor: number): boolean {
  const quotient = value / factor
  return Math.abs(quotient - Math.round(quotient)) <= 1e-9 * Math.max(1, Math.abs(quotient))
}

function arrayMismatch(value: unknown[], schema: JsonRecord, place: Place): string | null {
  if (below(schema.minItems, value.length)) return at(place, `must have at least ${schema.minItems} items`)
  if (above(schema.maxItems, value.length)) return at(place, `must have at most ${schema.maxItems} items`)
  if (schema.uniqueItems === true && value.some((item, index) => value.slice(0, index).some(equalTo(item)))) {
    return at(place, 'must not have the same item twice')
  }
  const heads = listOf(schema.prefixItems) ?? listOf(schema.items) ?? []
  const rest = listOf(schema.items) ? schema.additionalItems : schema.items
  for (const [index, item] of value.entries()) {
    const part = index < heads.length ? heads[index] : rest
    const problem = place.check(item, part, { ...place, path: `${place.path}[${index}]` })
    if (problem !== null) return problem
  }
  return schema.contains === undefined ? null : containsMismatch(value, schema, place)
}

function containsMismatch(value: unknown[], schema: JsonRecord, place: Place): string | null {
  const met = value.filter((item) => place.check(item, schema.contains, place) === null).length
  if (met < (typeof schema.minContains === 'number' ? schema.minContains : 1)) {
    return at(place, 'has too few of the items that it must contain')
  }
  return above(schema.maxContains, met) ? at(place, 'has too many of the items that it must contain') : null
}

function objectMismatch(value: JsonRecord, schema: JsonRecord, place: Place): string | null {
  const keys = Object.keys(value)
  if (below(schema.minProperties, keys.length))
    return at(place, `must have at least ${schema.minProperties} properties`)
  if (above(schema.maxProperties, keys.length)) return at(place, `must have at most ${schema.maxProperties} properties`)
  const missing = listOf(schema.required)?.find((key) => !Object.hasOwn(value, String(key)))
  if (missing !== undefined) return at(place, `lacks the property "${missing}"`)
  for (const key of keys) {
    const inner = { ...place, path: place.path === '' ? key : `${place.path}.${key}` }
    for (const part of schemasOfProperty(key, schema)) {
      const problem = place.check(value[key], part, inner)
      if (problem !== null) return problem
    }
    if (place.check(key, schema.propertyNames, place) !== null) return at(place, `must have no property "${key}"`)
  }
  return dependencyMismatch(value, schema, place)
}

function schemasOfProperty(key: string, schema: JsonRecord): unknown[] {
  const { properties, patternProperties, additionalProperties } = schema
  const named = isRecord(properties) && Object.hasOwn(properties, key) ? [properties[key]] : []
  const matched = isRecord(patternProperties)
    ? Object.entries(patternProperties).flatMap(([pattern, part]) => (toPattern(pattern).test(key) ? [part] : []))
    : []
  const found = [...named, ...matched]
  return found.length > 0 ? found : [additionalProperties]
}

function dependencyMismatch(value: JsonRecord, schema: JsonRecord, place: Place): string | null {
  for (const rules of [schema.dependentRequired, schema.dependentSchemas, schema.dependencies]) {
    if (!isRecord(rules)) continue
    for (const [key, rule] of Object.entries(rules)) {
      if (!Object.hasOwn(value, key)) continue
      const problem = place.check(value, Array.isArray(rule) ? { required: rule } : rule, place)
      if (problem !== null) return problem
    }
  }
  return null
}

function toPattern(source: string): RegExp {
  for (const flags of ['u', '']) {
    try {
      return new RegExp(source, flags)
    } catch {
      // Not every pattern of a schema is one of JavaScript: what can't be read holds no one back.
    }
  }
  return /(?:)/
}

function below(limit: unknown, actual: number): boolean {
  return typeof limit === 'number' && actual < limit
}

function above(limit: unknown, actual: number): boolean {
  return typeof limit === 'number' && actual > limit
}

function equalTo(value: unknown) {
  return (other: unknown) => isEqual(value, other)
}

/** By value; -0 is 0. */
function isEqual(left: unknown, right: unknown): boolean {
  return left === right || (typeof left === 'object' && isDeepStrictEqual(left, right))
}

function listOf(value: unknown): unknown[] | null {
  return Array.isArray(value) ? value : null
}
