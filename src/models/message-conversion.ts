import type { AssistantContent, ModelMessage, ToolResultPart } from 'ai'
import { isRecord, type JsonRecord, parseJson } from '../json-record.ts'
import { type ContentPart, convertPart, providerOptionsOf, type UserPart } from './message-parts.ts'
import { MessageShapeError } from './message-shape.ts'
import { ModelCallError } from './model-call.ts'
import { convertToolResult, toolOutput } from './tool-results.ts'

export interface ConvertedMessages {
  messages: ModelMessage[]
  /** The arguments of earlier calls, letter by letter, by the id of the call: the SDK would parse and rewrite them. */
  rawArguments: Map<string, string>
}

/**
 * Turns messages in the shape of OpenAI (chat or Responses content), of Anthropic or of the AI SDK into the SDK's.
 * They may be mixed: every part is known by itself. Throws a BAD_REQUEST that names the message.
 */
export function convertMessages(messages: unknown[]): ConvertedMessages {
  const state: State = { toolNames: new Map(), rawArguments: new Map(), index: 0 }
  const converted = messages.flatMap((message, index) => {
    try {
      return convertMessage(message, { ...state, index })
    } catch (error) {
      if (!(error instanceof MessageShapeError)) throw error
      throw new ModelCallError('BAD_REQUEST', `messages[${index}] ${error.message}.`)
    }
  })
  if (converted.length === 0) throw new ModelCallError('BAD_REQUEST', 'messages is empty: there is nothing to send.')
  return { messages: converted, rawArguments: state.rawArguments }
}

interface State {
  /** The results of OpenAI and Anthropic don't repeat the name of the tool, the SDK wants it. */
  toolNames: Map<string, string>
  rawArguments: Map<string, string>
  index: number
}

function convertMessage(message: unknown, state: State): ModelMessage[] {
  if (!isRecord(message)) throw new MessageShapeError('must be an object')
  switch (message.role) {
    case 'system':
    case 'developer':
      return systemMessages(message)
    case 'user':
      return userMessages(message, state)
    case 'assistant':
    case 'model':
      return assistantMessages(message, state)
    case 'tool':
    case 'function':
      return [toolMessage(message, state)]
    default:
      throw new MessageShapeError('must have the role system, developer, user, assistant or tool')
  }
}

/** One message for each part: the SDK's have no parts, and joining would invent what is between them. */
function systemMessages(message: JsonRecord): ModelMessage[] {
  return partsOf(message).map((part) => {
    const text = convertPart(part)
    if (text.type !== 'text') throw new MessageShapeError('is for the system and may hold text only')
    const providerOptions = text.providerOptions ?? providerOptionsOf(message)
    return { role: 'system', content: text.text, ...(providerOptions && { providerOptions }) }
  })
}

/** Anthropic's results of tools are parts of the user's message, the SDK's are a message before it. */
function userMessages(message: JsonRecord, state: State): ModelMessage[] {
  const results: ToolResultPart[] = []
  const content: UserPart[] = []
  for (const part of partsOf(message)) {
    if (isToolResult(part)) results.push(convertToolResult(part, state))
    else content.push(userPart(convertPart(part)))
  }
  return [
    ...(results.length > 0 ? [{ role: 'tool' as const, content: results }] : []),
    ...(content.length > 0 || results.length === 0 ? [{ role: 'user' as const, content, ...optionsOf(message) }] : []),
  ]
}

function userPart(part: ContentPart): UserPart {
  if (part.type === 'reasoning') throw new MessageShapeError("is the user's and can hold no reasoning")
  return part
}

function assistantMessages(message: JsonRecord, state: State): ModelMessage[] {
  const content: Exclude<AssistantContent, string> = []
  const results: ToolResultPart[] = []
  if (typeof message.reasoning_content === 'string')
    content.push({ type: 'reasoning', text: message.reasoning_content })
  for (const part of partsOf(message)) {
    if (isToolCall(part)) content.push(convertToolCall(part, state))
    else if (isToolResult(part)) results.push(convertToolResult(part, state))
    else content.push(assistantPart(convertPart(part)))
  }
  if (typeof message.refusal === 'string') content.push({ type: 'text', text: message.refusal })
  for (const call of toolCallsOf(message, state)) content.push(convertToolCall(call, state))
  if (content.length === 0) content.push({ type: 'text', text: '' })
  return [
    { role: 'assistant', content, ...optionsOf(message) },
    ...(results.length > 0 ? [{ role: 'tool' as const, content: results }] : []),
  ]
}

function assistantPart(part: ContentPart): Exclude<AssistantContent, string>[number] {
  if (part.type !== 'image') return part
  // The SDK knows images of the assistant as files only.
  return { type: 'file', data: part.image, mediaType: part.mediaType ?? 'image/*', ...optionsOf(part) }
}

function toolMessage(message: JsonRecord, state: State): ModelMessage {
  const id = message.tool_call_id ?? message.toolCallId
  if (id === undefined && Array.isArray(message.content) && message.content.every(isToolResult)) {
    return {
      role: 'tool',
      content: message.content.map((part) => convertToolResult(part, state)),
      ...optionsOf(message),
    }
  }
  // The functions of before 2023 had no ids: the name is one, as in toolCallsOf.
  const toolCallId = id ?? message.name
  if (typeof toolCallId !== 'string') throw new MessageShapeError('must have the tool_call_id that it answers')
  const toolName = typeof message.name === 'string' ? message.name : (state.toolNames.get(toolCallId) ?? 'unknown')
  return {
    role: 'tool',
    content: [{ type: 'tool-result', toolCallId, toolName, output: toolOutput(message.content, false) }],
    ...optionsOf(message),
  }
}

function toolCallsOf(message: JsonRecord, state: State): JsonRecord[] {
  const { tool_calls: calls, function_call: old } = message
  if (Array.isArray(calls)) {
    if (!calls.every(isRecord)) throw new MessageShapeError('has tool_calls that are no objects')
    return calls
  }
  if (calls !== undefined && calls !== null) throw new MessageShapeError('has tool_calls that are no list')
  return isRecord(old) ? [{ id: old.name ?? `call_${state.index}`, function: old }] : []
}

function convertToolCall(call: JsonRecord, { toolNames, rawArguments }: State) {
  const inner = isRecord(call.function) ? call.function : call
  const toolCallId = call.toolCallId ?? call.id
  const toolName = inner.toolName ?? inner.name
  if (typeof toolCallId !== 'string') throw new MessageShapeError('has a tool call without an id')
  if (typeof toolName !== 'string') throw new MessageShapeError('has a tool call without a name')
  toolNames.set(toolCallId, toolName)
  const given = inner.arguments ?? inner.input ?? inner.args ?? {}
  if (typeof given === 'string') rawArguments.set(toolCallId, given)
  const input = typeof given === 'string' ? (given.trim() === '' ? {} : (parseJson(given) ?? given)) : given
  return { type: 'tool-call' as const, toolCallId, toolName, input, ...optionsOf(call) }
}

function isToolCall(part: unknown): part is JsonRecord {
  return isRecord(part) && (part.type === 'tool-call' || part.type === 'tool_use' || part.type === 'function_call')
}

function isToolResult(part: unknown): part is JsonRecord {
  return isRecord(part) && (part.type === 'tool-result' || part.type === 'tool_result')
}

function partsOf({ content, role }: JsonRecord): unknown[] {
  if (Array.isArray(content)) return content
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  if ((content === null || content === undefined) && role === 'assistant') return []
  throw new MessageShapeError('must have a content: a text or a list of parts')
}

function optionsOf(given: object) {
  const providerOptions = providerOptionsOf(given as JsonRecord)
  return providerOptions ? { providerOptions } : {}
}
