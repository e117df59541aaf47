import type { Random } from './random.ts'

export interface ToolCall {
  id: string
  type: 'function'
  function: { name: string; arguments: string }
}

export interface Message {
  role: 'system' | 'user' | 'assistant' | 'tool'
  content: string | null
  tool_calls?: ToolCall[]
  tool_call_id?: string
}

export interface Tool {
  type: 'function'
  function: { name: string; description: string; parameters: object }
}

export const system = (content: string): Message => ({ role: 'system', content })
export const user = (content: string): Message => ({ role: 'user', content })
export const assistant = (content: string): Message => ({ role: 'assistant', content })
export const toolResult = ({ id }: ToolCall, result: unknown): Message => ({
  role: 'tool',
  tool_call_id: id,
  content: typeof result === 'string' ? result : JSON.stringify(result),
})

export function toolCall(random: Random, name: string, given: object): ToolCall {
  return { id: `call_${random.hex(12)}`, type: 'function', function: { name, arguments: JSON.stringify(given) } }
}

export function calling(...calls: ToolCall[]): Message {
  return { role: 'assistant', content: null, tool_calls: calls }
}

/** A tool whose arguments are all required: `['order_id: string', 'days: integer']`. */
export function tool(name: string, description: string, given: readonly string[]): Tool {
  const properties = Object.fromEntries(given.map((each) => each.split(': ')).map(([key, type]) => [key, { type }]))
  const parameters = { type: 'object', properties, required: Object.keys(properties), additionalProperties: false }
  return { type: 'function', function: { name, description, parameters } }
}

/** About what a tokenizer counts: four characters of Latin script, or one that says as much as a syllable. */
export function tokensOf(text: string): number {
  const wide = text.match(/[\u0600-\u06ff\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]/g)?.length ?? 0
  return Math.ceil((text.length - wide) / 4 + wide * 0.9)
}

export function tokensOfMessage({ content, tool_calls }: Message): number {
  return 4 + tokensOf(content ?? '') + (tool_calls ? tokensOf(JSON.stringify(tool_calls)) : 0)
}
