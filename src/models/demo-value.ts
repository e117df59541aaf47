import { isRecord, type JsonRecord } from '../json-record.ts'
import { referenced, schemaMismatch } from './json-schema.ts'

/** A small value that meets the schema, unless that asks for more than a rule can do (a pattern, a `not`). */
export function demoValue(schema: unknown): unknown {
  return valueFor(schema, { root: schema, depth: 0, budget: { values: 5_000 } })
}

const demoText = 'demo: no model was called'

interface Place {
  root: unknown
  depth: number
  /** Two references that lead back to themselves would double at every level. */
  budget: { values: number }
}

const maxDepth = 30

function valueFor(given: unknown, place: Place): unknown {
  if (!isRecord(given) || place.depth > maxDepth || place.budget.values-- <= 0) return null
  const inner = { ...place, depth: place.depth + 1 }
  if (typeof given.$ref === 'string') return valueFor(referenced(given.$ref, place.root), inner)
  const schema = withAllOf(given)
  if (Object.hasOwn(schema, 'const')) return schema.const
  if (Array.isArray(schema.enum)) return schema.enum[0]
  if (Object.hasOwn(schema, 'default')) return schema.default
  const [choice] = [schema.anyOf, schema.oneOf].flatMap((one) => (Array.isArray(one) ? simplestFirst(one) : []))
  if (choice !== undefined) return valueFor(isRecord(choice) ? { ...without(schema), ...choice } : choice, inner)
  return ofType(typeOf(schema), schema, inner)
}

/** What needs no descent comes first, or a tree would grow to the greatest depth. */
function simplestFirst(choices: unknown[]): unknown[] {
  const weight = (choice: unknown) =>
    isRecord(choice) && ('$ref' in choice || 'properties' in choice || 'items' in choice) ? 1 : 0
  return choices.toSorted((left, right) => weight(left) - weight(right))
}

function without({ anyOf: _anyOf, oneOf: _oneOf, ...schema }: JsonRecord): JsonRecord {
  return schema
}

function withAllOf({ allOf, ...schema }: JsonRecord): JsonRecord {
  const parts = [schema, ...listOf(allOf).filter(isRecord)]
  if (parts.length === 1) return schema
  return {
    ...Object.assign({}, ...parts),
    properties: Object.assign({}, ...parts.map(({ properties }) => properties)),
    required: parts.flatMap(({ required }) => listOf(required)),
  }
}

function typeOf(schema: JsonRecord): string {
  const type = Array.isArray(schema.type) ? (schema.type.find((one) => one !== 'null') ?? 'null') : schema.type
  if (typeof type === 'string') return type.toLowerCase()
  if (schema.properties !== undefined || schema.required !== undefined) return 'object'
  return schema.items !== undefined || schema.prefixItems !== undefined ? 'array' : 'string'
}

function ofType(type: string, schema: JsonRecord, place: Place): unknown {
  switch (type) {
    case 'object':
      return demoObject(schema, place)
    case 'array':
      return demoArray(schema, place)
    case 'number':
    case 'integer':
      return demoNumber(schema)
    case 'boolean':
      return false
    case 'null':
      return null
    default:
      return demoString(schema)
  }
}

function demoObject(schema: JsonRecord, place: Place): JsonRecord {
  const properties = isRecord(schema.properties) ? schema.properties : {}
  const names = new Set(listOf(schema.required).map(String))
  // Nothing at all would show nothing: the first property stands for the others.
  const [first] = Object.keys(properties)
  if (names.size === 0 && first !== undefined && place.depth < 5) names.add(first)
  return Object.fromEntries([...names].map((name) => [name, valueFor(properties[name] ?? { type: 'string' }, place)]))
}

function demoArray(schema: JsonRecord, place: Place): unknown[] {
  const heads = listOf(schema.prefixItems).map((part) => valueFor(part, place))
  const missing = Math.max(0, Math.min(numberOr(schema.minItems, 0), 100) - heads.length)
  return [...heads, ...Array.from({ length: missing }, () => valueFor(schema.items ?? { type: 'string' }, place))]
}

function demoNumber(schema: JsonRecord): number {
  const step = numberOr(schema.multipleOf, 1)
  const low = numberOr(schema.minimum, numberOr(schema.exclusiveMinimum, 0))
  const high = numberOr(schema.maximum, numberOr(schema.exclusiveMaximum, low + step))
  const candidates = [0, low, high, Math.ceil(low / step) * step, (Math.floor(low / step) + 1) * step, high - step]
  return [...candidates, (low + high) / 2].find((number) => schemaMismatch(schema, number) === null) ?? 0
}

function demoString(schema: JsonRecord): string {
  const known = formats[String(schema.format)]
  if (known !== undefined) return known
  const least = Math.min(numberOr(schema.minLength, 0), 10_000)
  return demoText.padEnd(least, '.').slice(0, numberOr(schema.maxLength, Infinity))
}

const formats: Record<string, string> = Object.assign(Object.create(null), {
  date: '2000-01-01',
  time: '00:00:00Z',
  'date-time': '2000-01-01T00:00:00Z',
  email: 'demo@example.com',
  uri: 'https://example.com/demo',
  url: 'https://example.com/demo',
  uuid: '00000000-0000-4000-8000-000000000000',
})

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise
}
