import { decimalOf, parseDecimal, placesOf, unitsOf } from '../decimal.ts'
import { isRecord } from '../json-record.ts'
import { diffTexts, type TextPart } from '../prompts/text-diff.ts'
import { parsed } from './recorded-json.ts'

/**
 * What two calls answered, compared as people read it. An answer as OpenAI, Anthropic, Google or the AI SDK wraps it is
 * its text, and the names and arguments of its tool calls; reasoning, ids and token counts are no part of it. Any other
 * JSON is written in lines with its keys sorted, so that equal JSON gives no difference. So is a text that is JSON,
 * where what it is compared with is not a text.
 */
export function diffOutputs(before: unknown, after: unknown): TextPart[] {
  const [old, fresh] = [answerIn(before), answerIn(after)]
  if (old !== null && fresh !== null) return diffTexts(old, fresh)
  return diffTexts(inLines(old ?? before), inLines(fresh ?? after))
}

/** How much more it is after; null where either isn't known. As people subtract: 0.3 - 0.1 is 0.2. */
export function differenceOf(before: number | null, after: number | null): number | null {
  const difference = decimalDifferenceOf(before, after)
  return difference === null ? null : Number(difference)
}

/** The same, exactly, as a decimal. */
export function decimalDifferenceOf(before: string | number | null, after: string | number | null): string | null {
  const [from, to] = [parseDecimal(before), parseDecimal(after)]
  if (from === null || to === null) return null
  const places = Math.max(placesOf(from), placesOf(to))
  return decimalOf(unitsOf(to, places) - unitsOf(from, places), places)
}

/** Null: no known form of an answer. */
function answerIn(value: unknown): string | null {
  if (typeof value === 'string') return value
  if (value === null || value === undefined) return ''
  if (Array.isArray(value)) return answerInList(value)
  if (isMessage(value)) return wordsOfMessage(value)
  if (!isRecord(value)) return null
  const { choices, candidates, output, object } = value
  if (isListOf(isChoice, choices)) return lined(choices.map(({ message, text }) => wordsOfMessage(message ?? { text })))
  if (isListOf(isCandidate, candidates)) return lined(candidates.map(({ content }) => wordsOfMessage(content)))
  if (object === 'response' && isListOf(isRecord, output)) return answerInList(output) ?? wordsOf(output)
  return isSdkResult(value) ? wordsOfMessage(value) : null
}

function answerInList(list: unknown[]): string | null {
  if (isListOf(isMessage, list)) return lined(list.map(wordsOfMessage))
  const isAnswer = (item: unknown) => isMessage(item) || isPart(item)
  return isListOf(isAnswer, list) ? wordsOf(list) : null
}

type Members = Record<string, unknown>

const answerRoles = ['assistant', 'model', 'ai', 'tool']

function isMessage(value: unknown): value is Members {
  if (!isRecord(value) || !answerRoles.includes(String(value.role).toLowerCase())) return false
  return ['content', 'parts', 'tool_calls'].some((name) => Object.hasOwn(value, name))
}

function isChoice(value: unknown): value is Members {
  return isRecord(value) && (isRecord(value.message) || typeof value.text === 'string')
}

function isCandidate(value: unknown): value is Members {
  return isRecord(value) && isRecord(value.content) && Array.isArray(value.content.parts)
}

/** What stands beside the text in a result of the AI SDK; with any other member it is somebody's own JSON. */
const sdkNames =
  'text toolCalls toolResults finishReason usage totalUsage reasoning reasoningText sources files steps request ' +
  'response warnings providerMetadata'
const sdkMembers = new Set(sdkNames.split(' '))

function isSdkResult(value: Members): boolean {
  return typeof value.text === 'string' && Object.keys(value).every((name) => sdkMembers.has(name))
}

const textTypes: unknown[] = ['text', 'output_text', 'refusal']
const hiddenTypes: unknown[] = ['thinking', 'redacted_thinking', 'reasoning']
const callTypes: unknown[] = ['function', 'function_call', 'tool_use', 'tool-call', 'tool_call']

function isPart(value: unknown): value is Members {
  if (!isRecord(value)) return false
  if (textTypes.includes(value.type)) return textOfPart(value) !== null
  return hiddenTypes.includes(value.type) || callTypes.includes(value.type)
}

function wordsOfMessage(value: unknown): string {
  if (!isRecord(value)) return ''
  const pieces = ['content', 'parts', 'text', 'refusal', 'tool_calls', 'toolCalls', 'function_call']
  return wordsOf(pieces.flatMap((name) => value[name] ?? []))
}

/** Text goes on where text ended; anything else stands on lines of its own. */
function wordsOf(pieces: readonly unknown[]): string {
  let words = ''
  let isOpen = true
  for (const piece of pieces) {
    if (isRecord(piece) && hiddenTypes.includes(piece.type)) continue
    const text = isMessage(piece) ? wordsOfMessage(piece) : textOfPart(piece)
    if (text === '') continue
    const goesOn = words === '' || (isOpen && text !== null)
    words += (goesOn ? '' : '\n') + (text ?? pretty(callIn(piece) ?? piece))
    isOpen = text !== null
  }
  return words
}

function textOfPart(part: unknown): string | null {
  if (typeof part === 'string') return part
  if (!isRecord(part) || !(part.type === undefined || textTypes.includes(part.type))) return null
  const text = part.text ?? part.refusal ?? (part.type === 'text' ? part.content : null)
  return typeof text === 'string' ? text : null
}

/** Every provider has names of its own for the same; null: no tool call. */
function callIn(piece: unknown): { name: unknown; arguments: unknown } | null {
  if (!isRecord(piece)) return null
  const inner = piece.function ?? piece.functionCall
  const call = isRecord(inner) ? inner : piece
  const name = call.name ?? call.toolName
  const given = call.arguments ?? call.input ?? call.args
  return typeof name === 'string' && given !== undefined ? { name, arguments: parsed(given) } : null
}

function lined(texts: string[]): string {
  return texts.filter((text) => text !== '').join('\n')
}

function inLines(value: unknown): string {
  const read = parsed(value)
  return typeof read === 'string' ? read : pretty(read)
}

/** Indenting multiplies what is deep: 500 levels of a megabyte would be a gigabyte of spaces. */
const maxIndentedDepth = 16

function pretty(value: unknown): string {
  let deepest = 0
  const ordered = orderedFrom(value, 0)
  return JSON.stringify(ordered, null, deepest > maxIndentedDepth ? 0 : 2) ?? ''

  function orderedFrom(each: unknown, depth: number): unknown {
    deepest = Math.max(deepest, depth)
    if (Array.isArray(each)) return each.map((item) => orderedFrom(item, depth + 1))
    if (!isRecord(each)) return each
    const members = Object.entries(each).sort(([one], [other]) => (one < other ? -1 : 1))
    // Not by assignment: a key may be "__proto__".
    return Object.fromEntries(members.map(([key, member]) => [key, orderedFrom(member, depth + 1)]))
  }
}

function isListOf<T>(is: (item: unknown) => item is T, value: unknown): value is [T, ...T[]]
function isListOf(is: (item: unknown) => boolean, value: unknown): value is unknown[]
function isListOf(is: (item: unknown) => boolean, value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(is)
}
