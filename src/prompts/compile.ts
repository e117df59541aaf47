import { InvalidInputError, LimitError } from '../errors.ts'
import { shown } from '../shown.ts'
import { type Allowance, type Condition, ConditionError, decide, maxDecisionMs, parseCondition } from './condition.ts'
import type { PromptBlock, PromptContent } from './prompt-content.ts'
import { NoRoomError, parseTemplate, placeOf, type Rendering, renderTemplate, TemplateError } from './template.ts'

/** A content whose templates and conditions are parsed, once for many compilations. */
export interface PreparedContent {
  content: PromptContent
  blocks: PreparedBlock[]
  /** Variables that are declared, or used in any block. */
  knownNames: Set<string>
}

export interface CompiledContent {
  /** As providers take them: role and content, or what a block says instead. */
  messages: unknown[]
  blocks: CompiledBlock[]
  /** Required variables without a value, then paths that were to be put in and lead to nothing. */
  missingVariables: string[]
  /** Given, but neither declared nor used. */
  unknownVariables: string[]
}

export interface CompiledBlock {
  block: PromptBlock
  included: boolean
  /** Null where it isn't included. Of a JSON block its JSON text. */
  text: string | null
}

export class BrokenBlockError extends Error {
  readonly index: number
  readonly blockId: string
  readonly part: 'content' | 'when'
  readonly line: number
  readonly column: number
  readonly reason: string

  constructor(index: number, { id, content, when }: PromptBlock, part: 'content' | 'when', at: number, reason: string) {
    const { line, column } = placeOf((part === 'content' ? content : when) ?? '', at)
    super(`Block ${index + 1} (${shown(id)}) is broken in its ${part}, line ${line}, column ${column}: ${reason}`)
    this.index = index
    this.blockId = id
    this.part = part
    this.line = line
    this.column = column
    this.reason = reason
  }
}

export class MissingVariablesError extends InvalidInputError {
  readonly names: string[]

  constructor(names: string[]) {
    super('variables', `Required variables are missing: ${names.join(', ')}.`)
    this.names = names
  }
}

export class UndecidableConditionError extends InvalidInputError {
  readonly blockId: string
  readonly index: number
  readonly reason: string

  constructor(index: number, blockId: string, reason: string) {
    const hint = 'Give the variables that it reads, or guard it: has(user.plan) && user.plan == "pro".'
    super('variables', `Whether block ${index + 1} (${shown(blockId)}) is included is undecided: ${reason}`, hint)
    this.blockId = blockId
    this.index = index
    this.reason = reason
  }
}

/** Of all that is rendered in one compilation. */
export const maxCompiledLength = 8_000_000
/** Of all conditions of a content: parsing takes up to 80 ms for 2,000 characters that are meant to take long. */
const maxConditionsLength = 20_000
const maxJsonDepth = 100

interface PreparedBlock {
  block: PromptBlock
  role: string
  condition: Condition | null
  render: (rendering: Rendering) => unknown
}

/** Throws BrokenBlockError for the first block that can't be compiled, also where it is disabled. */
export function prepareContent(content: PromptContent): PreparedContent {
  const knownNames = new Set(content.variables.map(({ name }) => name))
  let conditionsLength = 0
  const blocks = content.blocks.map((block, index) => {
    conditionsLength += block.when?.length ?? 0
    if (conditionsLength > maxConditionsLength) {
      const reason = `The conditions of a prompt have up to ${maxConditionsLength} characters together; got more.`
      throw new BrokenBlockError(index, block, 'when', 0, reason)
    }
    return prepareBlock(block, index, knownNames)
  })
  return { content, blocks, knownNames }
}

export function compileContent(
  { content, blocks: prepared, knownNames }: PreparedContent,
  variables: Record<string, unknown>,
  { isLenient }: { isLenient: boolean },
): CompiledContent {
  const values = withDefaults(variables, content)
  const absent = content.variables.filter(({ name, required }) => required && !isGiven(values, name))
  if (absent.length > 0 && !isLenient) throw new MissingVariablesError(absent.map(({ name }) => name))
  const missing = new Set(absent.map(({ name }) => name))
  const rendering: Rendering = { values, missing, room: maxCompiledLength }
  const allowance: Allowance = { msLeft: maxDecisionMs }
  const messages: unknown[] = []
  const blocks = prepared.map((each, index): CompiledBlock => {
    const { block } = each
    if (!isIncluded(each, index)) return { block, included: false, text: null }
    const { message, text } = renderBlock(each, rendering)
    messages.push(message)
    return { block, included: true, text }
  })
  const unknownVariables = Object.keys(variables).filter((name) => !knownNames.has(name))
  return { messages, blocks, missingVariables: [...missing], unknownVariables }

  function isIncluded({ block, condition }: PreparedBlock, index: number): boolean {
    if (!block.enabled || condition === null) return block.enabled
    try {
      return decide(condition, values, allowance)
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error
      if (isLenient) return false
      throw new UndecidableConditionError(index, block.id, error.message)
    }
  }
}

function prepareBlock(block: PromptBlock, index: number, names: Set<string>): PreparedBlock {
  const broken = (part: 'content' | 'when', at: number, reason: string) =>
    new BrokenBlockError(index, block, part, at, reason)
  try {
    const render =
      block.format === 'TEXT' ? textRenderer(block.content, names) : jsonRenderer(readJson(block.content), names)
    const condition = block.when === null ? null : parseCondition(block.when)
    for (const name of condition?.names ?? []) names.add(name)
    for (const name of condition?.typeNames ?? []) names.add(name)
    return { block, role: block.role.toLowerCase(), condition, render }
  } catch (error) {
    if (error instanceof ConditionError) throw broken('when', error.offset ?? 0, error.message)
    if (error instanceof JsonBlockError) throw broken('content', error.offset, error.message)
    if (!(error instanceof TemplateError)) throw error
    const offset = block.format === 'TEXT' ? error.offset : offsetInJson(block.content)
    throw broken('content', offset, error.message)
  }
}

type Renderer = (rendering: Rendering) => unknown

function textRenderer(text: string, names: Set<string>): Renderer {
  const template = parseTemplate(text)
  for (const [name] of template.paths) names.add(name as string)
  return (rendering) => renderTemplate(template, rendering)
}

/** Strings are templates one by one, so that nothing that is put in can change what is around it. */
function jsonRenderer(value: unknown, names: Set<string>): Renderer {
  if (typeof value === 'string') return textRenderer(value, names)
  if (typeof value !== 'object' || value === null) return () => value
  if (Array.isArray(value)) {
    const items = value.map((item) => jsonRenderer(item, names))
    return (rendering) => items.map((render) => render(rendering))
  }
  const entries = Object.entries(value).map(([key, each]) => [key, jsonRenderer(each, names)] as const)
  // Not by assignment: a key may be "__proto__".
  return (rendering) => Object.fromEntries(entries.map(([key, render]) => [key, render(rendering)]))
}

function renderBlock({ block, role, render }: PreparedBlock, rendering: Rendering): { message: object; text: string } {
  const room = rendering.room
  try {
    const content = render(rendering)
    if (typeof content === 'string') return { message: { role, content }, text: content }
    const text = JSON.stringify(content)
    rendering.room = room - text.length
    if (rendering.room < 0) throw new NoRoomError()
    return { message: Array.isArray(content) ? { role, content } : { role, ...(content as object) }, text }
  } catch (error) {
    if (!(error instanceof NoRoomError)) throw error
    const limit = `A compiled prompt has up to ${maxCompiledLength} characters`
    throw new LimitError('PAYLOAD_TOO_LARGE', `${limit}; it got longer in block ${shown(block.id)}.`, {
      limit: 'compiledLength',
      max: maxCompiledLength,
    })
  }
}

function withDefaults(variables: Record<string, unknown>, { variables: declared }: PromptContent) {
  const needed = declared.filter((each) => (each.default ?? null) !== null && !isGiven(variables, each.name))
  if (needed.length === 0) return variables
  const values: Record<string, unknown> = Object.assign(Object.create(null), variables)
  for (const each of needed) values[each.name] = each.default
  return values
}

function isGiven(values: Record<string, unknown>, name: string): boolean {
  return Object.hasOwn(values, name) && (values[name] ?? null) !== null
}

class JsonBlockError extends Error {
  readonly offset: number

  constructor(message: string, offset: number) {
    super(message)
    this.offset = offset
  }
}

function readJson(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    const { message } = error as SyntaxError
    throw new JsonBlockError(`Expected JSON; got ${message}.`, offsetOf(message) ?? endOfJson(text))
  }
  if (typeof value !== 'object' || value === null) {
    throw new JsonBlockError(`A JSON block is a list of parts or an object; got ${shown(value)}.`, 0)
  }
  if (isDeeper(value, maxJsonDepth)) {
    throw new JsonBlockError(`The JSON of a block is nested up to ${maxJsonDepth} deep; got more.`, 0)
  }
  return value
}

function offsetOf(message: string): number | undefined {
  const position = /at position (\d+)/.exec(message)?.[1]
  return position === undefined ? undefined : Number(position)
}

/** How far a text is the beginning of JSON: some versions of Node say it for some errors only. */
function endOfJson(text: string): number {
  let [known, broken] = [0, text.length + 1]
  while (broken - known > 1) {
    const length = Math.floor((known + broken) / 2)
    if (beginsJson(text.slice(0, length))) known = length
    else broken = length
  }
  return known
}

function beginsJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch (error) {
    const { message } = error as SyntaxError
    return message.includes('end of JSON input') || offsetOf(message) === text.length
  }
}

function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return depth === 0 || Object.values(value).some((each) => isDeeper(each, depth - 1))
}

/** Where in a JSON text its first broken template is. */
function offsetInJson(json: string): number {
  for (const { 0: token, 1: colon, index } of json.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)) {
    if (colon !== undefined) continue
    try {
      parseTemplate(JSON.parse(token))
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error
      const units = token.slice(1).matchAll(/\\u[\da-fA-F]{4}|\\.|[\s\S]/g)
      return index + 1 + [...units].slice(0, error.offset).reduce((length, [unit]) => length + unit.length, 0)
    }
  }
  return 0
}
