import { jsonSchema, type ToolChoice, type ToolSet, tool } from 'ai'
import { isRecord, type JsonRecord } from '../json-record.ts'
import { ModelCallError } from './model-call.ts'

export interface ConvertedTools {
  tools: ToolSet
  /** What the arguments of a call must meet, by the name of the tool. */
  schemas: Map<string, unknown>
}

/**
 * Tools as OpenAI (nested or flat), Anthropic and the AI SDK (a list, or an object by name) write them. None has an
 * `execute`: a call is an answer, and nobody here makes it.
 */
export function convertTools(tools: unknown): ConvertedTools {
  const converted = listOf(tools).map(convertTool)
  const names = new Set<string>()
  for (const [index, { name }] of converted.entries()) {
    if (names.has(name)) throw refused(`tools[${index}]`, `has the name "${name}", which another has`)
    names.add(name)
  }
  return {
    tools: Object.fromEntries(converted.map(({ name, ...rest }) => [name, toTool(rest)])),
    schemas: new Map(converted.map(({ name, schema }) => [name, schema])),
  }
}

export function convertToolChoice(choice: unknown): ToolChoice<ToolSet> | undefined {
  if (choice === null || choice === undefined) return undefined
  if (choice === 'auto' || choice === 'none' || choice === 'required') return choice
  if (choice === 'any') return 'required'
  if (isRecord(choice)) {
    const named = isRecord(choice.function) ? choice.function.name : (choice.toolName ?? choice.name)
    if (typeof named === 'string') return { type: 'tool', toolName: named }
    // Anthropic's { type: 'any' }.
    if (typeof choice.type === 'string') return convertToolChoice(choice.type)
  }
  throw refused('toolChoice', 'must be "auto", "none", "required" or the name of a function')
}

interface PlainTool {
  name: string
  description: string | undefined
  schema: JsonRecord
  isStrict: boolean | undefined
  providerOptions: JsonRecord | undefined
}

function listOf(tools: unknown): unknown[] {
  if (tools === null || tools === undefined) return []
  if (Array.isArray(tools)) return tools
  if (isRecord(tools)) return Object.entries(tools).map(([name, one]) => (isRecord(one) ? { name, ...one } : one))
  throw refused('tools', 'must be a list')
}

function convertTool(given: unknown, index: number): PlainTool {
  const where = `tools[${index}]`
  if (!isRecord(given)) throw refused(where, 'must be an object')
  const inner = isRecord(given.function) ? given.function : given
  const schema = inner.parameters ?? inner.input_schema ?? inner.inputSchema
  if (typeof inner.name !== 'string' || inner.name === '') throw refused(where, 'must have a name')
  if (isBuiltIn(given, schema)) {
    throw refused(where, `is of type "${given.type}"; only functions can be sent, not the provider's own tools`)
  }
  return {
    name: inner.name,
    description: typeof inner.description === 'string' ? inner.description : undefined,
    schema: plainSchema(schema, where),
    isStrict: typeof inner.strict === 'boolean' ? inner.strict : undefined,
    providerOptions: providerOptionsOf(given),
  }
}

function isBuiltIn(given: JsonRecord, schema: unknown): boolean {
  return given.type !== undefined && given.type !== 'function' && given.type !== 'custom' && schema === undefined
}

/** The AI SDK's own tools hold their schema one level deeper. */
function plainSchema(schema: unknown, where: string): JsonRecord {
  if (schema === undefined || schema === null) return { type: 'object', properties: {} }
  if (isRecord(schema) && isRecord(schema.jsonSchema)) return schema.jsonSchema
  if (!isRecord(schema)) throw refused(where, 'must have a JSON schema as its parameters')
  return schema
}

function providerOptionsOf(given: JsonRecord): JsonRecord | undefined {
  if (isRecord(given.cache_control)) return { anthropic: { cacheControl: given.cache_control } }
  return isRecord(given.providerOptions) ? given.providerOptions : undefined
}

function toTool({ description, schema, isStrict, providerOptions }: Omit<PlainTool, 'name'>): ToolSet[string] {
  return tool({
    inputSchema: jsonSchema(schema),
    ...(description !== undefined && { description }),
    ...(isStrict !== undefined && { strict: isStrict }),
    ...(providerOptions !== undefined && { providerOptions: providerOptions as never }),
  })
}

function refused(where: string, problem: string): ModelCallError {
  return new ModelCallError('BAD_REQUEST', `${where} ${problem}.`)
}
