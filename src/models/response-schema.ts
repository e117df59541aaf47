import { isRecord, type JsonRecord } from '../json-record.ts'
import { ModelCallError } from './model-call.ts'

export interface ResponseSchema {
  schema: JsonRecord
  name: string | undefined
  description: string | undefined
  /** OpenAI refuses a strict schema that leaves anything open, so it is asked for only where it can be had. */
  isStrict: boolean
}

/** A bare JSON schema, or one in OpenAI's wrapping: `{ type: 'json_schema', json_schema: { name, schema, strict } }`. */
export function readResponseSchema(given: unknown): ResponseSchema | null {
  if (given === null || given === undefined) return null
  if (!isRecord(given)) throw new ModelCallError('BAD_REQUEST', 'The response schema must be a JSON schema, an object.')
  const wrapping = isRecord(given.json_schema) ? given.json_schema : given
  const isWrapped = isRecord(wrapping.schema) && (wrapping !== given || !isSchema(given))
  const schema = isWrapped ? (wrapping.schema as JsonRecord) : given
  const text = (value: unknown) => (isWrapped && typeof value === 'string' ? value : undefined)
  const strict = isWrapped && typeof wrapping.strict === 'boolean' ? wrapping.strict : isClosed(schema)
  return { schema, name: text(wrapping.name), description: text(wrapping.description), isStrict: strict }
}

function isSchema(given: JsonRecord): boolean {
  return ['properties', 'items', 'anyOf', '$ref', 'enum'].some((key) => key in given)
}

/** Every object forbids what it doesn't name and requires what it does. */
function isClosed(schema: unknown): boolean {
  if (Array.isArray(schema)) return schema.every(isClosed)
  if (!isRecord(schema)) return true
  const { properties, required, ...rest } = schema
  if (schema.type === 'object' || isRecord(properties)) {
    const names = isRecord(properties) ? Object.keys(properties) : []
    const isNamed = (name: string) => Array.isArray(required) && required.includes(name)
    if (schema.additionalProperties !== false || !names.every(isNamed)) return false
  }
  const { enum: _values, const: _value, default: _default, examples: _examples, ...parts } = rest
  return Object.values(isRecord(properties) ? properties : {}).every(isClosed) && Object.values(parts).every(isClosed)
}
