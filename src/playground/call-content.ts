import { isRecord } from '../json-record.ts'
import type { BlockRole, ModelConfig, PromptBlock, PromptContent } from '../prompts/prompt-content.ts'
import { escapeTemplate } from '../prompts/template.ts'
import { parsed } from './recorded-json.ts'
import { unknownModel } from './session.ts'

/**
 * A content made of a recorded model call: a block for each message, however many there are. Compiled unchanged it
 * gives back, as JSON, exactly any list of objects that have a `role`, whatever it and their other members are; only
 * that `role` stands first. Not quite the same comes of what no block can say:
 * - an object without `role` gets that of its block;
 * - what is no object (a text, a list, null) is the content of a user's message;
 * - what is nested deeper than a JSON block may be is JSON in a text there, and the name of the block says so;
 * - a request (an object that holds the messages beside `system`, tools, a temperature) becomes its messages, those of
 *   `system` first; whatever else was in it and has no place in a content is a parameter of the model.
 */
export interface RecordedCall {
  messages: unknown
  /** These, and the model's names, are believed before what a request in `messages` says of the same. */
  tools?: unknown
  toolChoice?: unknown
  responseSchema?: unknown
  model: RecordedModel | null
}

interface RecordedModel {
  provider: string | null
  name: string | null
  parameters?: unknown
}

/** As a span names it. */
interface SpanModel {
  provider: string | null
  model: string | null
}

/** For whatever ingest stores: JSON of a limited depth. */
export function contentOfCall({ messages, ...beside }: RecordedCall): PromptContent {
  return contentOfRequest(isRequest(messages) ? membersOf(messages) : new Map([['messages', messages]]), beside)
}

/**
 * The same of an LLM span: its input is the messages or a request, or JSON of one; what its attributes say of the call
 * in the names of OpenTelemetry, OpenInference and the AI SDK stands behind that.
 */
export function contentOfSpanInput(input: unknown, attributes: unknown, { provider, model }: SpanModel): PromptContent {
  const said = isRecord(attributes) ? attributes : {}
  const request = new Map([
    ...listUnder(said, 'gen_ai.request'),
    ...listUnder(said, 'ai.settings'),
    ...membersOf(parsed(valueAt(said, 'llm.invocation_parameters'))),
  ])
  if (input === null || input === undefined) request.set('system', parsed(valueAt(said, 'gen_ai.system_instructions')))
  const recorded = input ?? firstValue(said, ['gen_ai.input.messages', 'ai.prompt.messages', 'ai.prompt'])
  const read = parsed(recorded)
  if (isRequest(read)) for (const [name, value] of membersOf(read)) request.set(name, value)
  else request.set('messages', isConversation(read) ? read : recorded)
  const content = contentOfRequest(request, { model: { provider, name: model } })
  return {
    ...content,
    tools: content.tools ?? parsedTools(firstValue(said, ['gen_ai.tool.definitions', 'ai.prompt.tools'])),
    toolChoice: content.toolChoice ?? parsed(valueAt(said, 'ai.prompt.toolChoice')),
  }
}

const names = {
  messages: ['messages', 'prompt', 'input', 'contents'],
  system: ['system', 'instructions', 'systemInstruction', 'system_instruction'],
  tools: ['tools'],
  toolChoice: ['toolChoice', 'tool_choice'],
  responseSchema: ['responseSchema', 'response_schema', 'schema'],
}

type Members = Map<string, unknown>

function contentOfRequest(request: Members, { model, ...beside }: Omit<RecordedCall, 'messages'>): PromptContent {
  const messages = messagesOf(take(request, names.messages))
  const all = [...systemMessages(take(request, names.system)), ...messages]
  const [tools, toolChoice] = [take(request, names.tools), take(request, names.toolChoice)]
  const responseSchema = take(request, names.responseSchema) ?? takeSchemaOfFormat(request)
  return {
    blocks: all.map(blockOf),
    variables: [],
    model: modelOf(model, request),
    tools: beside.tools ?? tools,
    toolChoice: beside.toolChoice ?? toolChoice,
    responseSchema: beside.responseSchema ?? responseSchema,
  }
}

/** The first that is something: another such stays, what is nothing does not. */
function take(request: Members, keys: readonly string[]): unknown {
  let taken: unknown = null
  for (const key of keys) {
    const value = request.get(key) ?? null
    if (taken !== null && value !== null) continue
    request.delete(key)
    taken ??= value
  }
  return taken
}

/** `{ type, json_schema: { name, schema } }` of OpenAI, `{ type, name, schema }` of the AI SDK: all but the schema stays. */
function takeSchemaOfFormat(request: Members): unknown {
  for (const key of ['response_format', 'responseFormat']) {
    const format = request.get(key)
    if (!isRecord(format)) continue
    const { json_schema: named, ...others } = format
    const { schema, ...rest } = isRecord(named) ? named : format
    if (!isRecord(schema)) continue
    request.set(key, isRecord(named) ? { ...others, json_schema: rest } : rest)
    return schema
  }
  return null
}

function modelOf(recorded: RecordedModel | null, request: Members): ModelConfig | null {
  const asked = request.get('model')
  // The parameter `model` would come back where another model is chosen.
  if (typeof asked === 'string') request.delete('model')
  const { provider = null, name = null, parameters = null } = recorded ?? {}
  const own =
    isRecord(parameters) || parameters === null ? membersOf(parameters) : new Map([['parameters', parameters]])
  const merged = new Map([...request, ...own])
  const known = [provider, name || asked].map((each) => (typeof each === 'string' && each !== '' ? each : null))
  if (known.every((each) => each === null) && merged.size === 0) return null
  return {
    provider: known[0] ?? unknownModel,
    name: known[1] ?? unknownModel,
    parameters: merged.size === 0 ? parameters : Object.fromEntries(merged),
  }
}

/** LangChain records the calls of a batch as lists in a list. */
function messagesOf(recorded: unknown): unknown[] {
  if (!Array.isArray(recorded)) return recorded === null ? [] : [recorded]
  const [first] = recorded
  return recorded.length === 1 && isConversation(first) ? first : recorded
}

function systemMessages(system: unknown): unknown[] {
  if (system === null) return []
  if (isConversation(system)) return system
  return [isRecord(system) ? { role: 'system', ...system } : { role: 'system', content: system }]
}

function blockOf(recorded: unknown, index: number): PromptBlock {
  const message = isRecord(recorded) ? recorded : { role: 'user', content: recorded }
  const { role: said, ...members } = message
  const role = roleOf(said ?? members.type)
  const block = { id: `message-${index + 1}`, name: null, role, when: null, enabled: true }
  const isPlain = !Object.hasOwn(message, 'role') || said === role.toLowerCase()
  const { content } = members
  const isContent = isPlain && Object.keys(members).length === 1
  if (isContent && typeof content === 'string') return { ...block, format: 'TEXT', content: escapeTemplate(content) }
  const value = isContent && Array.isArray(content) ? content : isPlain ? members : message
  const { text, isCut } = jsonTemplate(value)
  return { ...block, name: isCut ? cutName : null, format: 'JSON', content: text }
}

const roles: Record<BlockRole, readonly string[]> = {
  SYSTEM: ['system', 'developer'],
  USER: ['user', 'human'],
  ASSISTANT: ['assistant', 'ai', 'model', 'function_call', 'reasoning'],
  TOOL: ['tool', 'function', 'function_call_output'],
}

/** By the role, or where there is none the type: LangChain and OpenAI's Responses have items of either. */
function roleOf(said: unknown): BlockRole {
  const name = typeof said === 'string' ? said.toLowerCase() : ''
  const [role = 'USER'] = Object.entries(roles).find(([, known]) => known.includes(name)) ?? []
  return role as BlockRole
}

/** As deep as a JSON block may be. */
const maxDepth = 100
const cutName = `What is nested deeper than ${maxDepth} is JSON in a text`
/** Indenting multiplies what is deep: 100 levels of a megabyte would be a hundred of spaces. */
const maxIndentedDepth = 12

function jsonTemplate(value: unknown): { text: string; isCut: boolean } {
  let leastLeft = maxDepth
  const escaped = escapedFrom(value, maxDepth)
  const isIndented = maxDepth - leastLeft <= maxIndentedDepth
  return { text: JSON.stringify(escaped, null, isIndented ? 2 : 0), isCut: leastLeft === 0 }

  function escapedFrom(each: unknown, left: number): unknown {
    if (typeof each === 'string') return escapeTemplate(each)
    if (typeof each !== 'object' || each === null) return each
    leastLeft = Math.min(leastLeft, left)
    if (left === 0) return escapeTemplate(JSON.stringify(each))
    if (Array.isArray(each)) return each.map((item) => escapedFrom(item, left - 1))
    // Not by assignment: a key may be "__proto__".
    return Object.fromEntries(Object.entries(each).map(([key, member]) => [key, escapedFrom(member, left - 1)]))
  }
}

/** A message has a role, an item of one a type: neither is a request, whatever else it has. */
function isRequest(value: unknown): value is Record<string, unknown> {
  if (!isRecord(value) || 'role' in value || 'type' in value) return false
  return names.messages.some((name) => (value[name] ?? null) !== null)
}

function isConversation(value: unknown): value is object[] {
  return (
    Array.isArray(value) && value.length > 0 && value.every((each) => isRecord(each) && Object.hasOwn(each, 'role'))
  )
}

function firstValue(attributes: object, paths: readonly string[]): unknown {
  return paths.map((path) => valueAt(attributes, path)).find((value) => value !== null) ?? null
}

function valueAt(attributes: object, path: string): unknown {
  const end = path.lastIndexOf('.')
  return new Map(listUnder(attributes, path.slice(0, end))).get(path.slice(end + 1)) ?? null
}

/** Attributes are recorded flat (`gen_ai.request.top_p`) or nested. */
function listUnder(attributes: object, path: string): [name: string, value: unknown][] {
  const start = `${path}.`
  const flat = [...membersOf(attributes)].filter(([key]) => key.startsWith(start))
  let nested: unknown = attributes
  for (const key of path.split('.')) nested = membersOf(nested).get(key)
  return [...membersOf(nested), ...flat.map(([key, value]): [string, unknown] => [key.slice(start.length), value])]
}

/** The AI SDK records them as a list of JSON texts. */
function parsedTools(tools: unknown): unknown {
  return Array.isArray(tools) ? tools.map(parsed) : parsed(tools)
}

function membersOf(value: unknown): Members {
  return new Map(isRecord(value) ? Object.entries(value) : [])
}
