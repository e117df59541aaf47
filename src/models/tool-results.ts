import type { JSONValue, ToolResultPart } from 'ai'
import { isRecord, type JsonRecord } from '../json-record.ts'
import { convertPart, providerOptionsOf } from './message-parts.ts'
import { MessageShapeError } from './message-shape.ts'

type ToolOutput = ToolResultPart['output']
type OutputPart = Extract<ToolOutput, { type: 'content' }>['value'][number]

/** A `tool_result` of Anthropic or a `tool-result` of the AI SDK. */
export function convertToolResult(part: JsonRecord, { toolNames }: { toolNames: Map<string, string> }): ToolResultPart {
  const toolCallId = part.tool_use_id ?? part.toolCallId
  if (typeof toolCallId !== 'string') throw new MessageShapeError('has a tool result without the id of its call')
  const toolName = typeof part.toolName === 'string' ? part.toolName : (toolNames.get(toolCallId) ?? 'unknown')
  const providerOptions = providerOptionsOf(part)
  const isError = part.is_error === true || part.isError === true
  return {
    type: 'tool-result',
    toolCallId,
    toolName,
    output: isSdkOutput(part.output) ? part.output : toolOutput(part.output ?? part.result ?? part.content, isError),
    ...(providerOptions && { providerOptions }),
  }
}

export function toolOutput(content: unknown, isError: boolean): ToolOutput {
  if (content === null || content === undefined) return { type: isError ? 'error-text' : 'text', value: '' }
  if (typeof content === 'string') return { type: isError ? 'error-text' : 'text', value: content }
  if (!Array.isArray(content) || !content.every((part) => isRecord(part) && typeof part.type === 'string')) {
    return { type: isError ? 'error-json' : 'json', value: content as JSONValue }
  }
  const parts = content.map(outputPart)
  const [only] = parts
  // What is one text goes as one, for most servers know nothing else.
  if (only?.type === 'text' && parts.length === 1) return toolOutput(only.text, isError)
  return { type: 'content', value: parts }
}

function outputPart(given: unknown): OutputPart {
  const part = convertPart(given)
  if (part.type === 'text') return { type: 'text', text: part.text }
  if (part.type === 'reasoning') throw new MessageShapeError('has a tool result with reasoning in it')
  const data = part.type === 'image' ? part.image : part.data
  const mediaType = part.mediaType ?? 'image/png'
  if (data instanceof URL) {
    return part.type === 'image'
      ? { type: 'image-url', url: data.href }
      : { type: 'file-url', url: data.href, mediaType }
  }
  const base64 = typeof data === 'string' ? data : Buffer.from(data as Uint8Array).toString('base64')
  return part.type === 'image'
    ? { type: 'image-data', data: base64, mediaType }
    : { type: 'file-data', data: base64, mediaType }
}

function isSdkOutput(output: unknown): output is ToolOutput {
  const types = ['text', 'json', 'error-text', 'error-json', 'content', 'execution-denied']
  return isRecord(output) && types.includes(String(output.type)) && ('value' in output || 'reason' in output)
}
