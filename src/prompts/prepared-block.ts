import { shown } from '../shown.ts'
import {
  type Allowance,
  type Condition,
  ConditionError,
  decideConstant,
  maxDecisionMs,
  parseCondition,
} from './condition.ts'
import type { PromptBlock } from './prompt-content.ts'
import { parseTemplate, placeOf, type Rendering, renderTemplate, TemplateError } from './template.ts'

/** A block whose template and condition are parsed. */
export interface PreparedBlock {
  block: PromptBlock
  role: string
  condition: Condition | null
  render: (rendering: Rendering) => unknown
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

const maxJsonDepth = 100

export function prepareBlock(block: PromptBlock, index: number, names: Set<string>): PreparedBlock {
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

/** A condition that reads nothing fails in each compilation, or in none: so it is decided before it is stored. */
export function requireDecidable(blocks: readonly PreparedBlock[]): void {
  const allowance: Allowance = { msLeft: maxDecisionMs }
  for (const [index, { block, condition }] of blocks.entries()) {
    try {
      if (condition) decideConstant(condition, allowance)
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error
      throw new BrokenBlockError(index, block, 'when', error.offset ?? 0, error.message)
    }
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
  if (typeof value !== 'object' || value === null || !hasTemplate(value)) return () => value
  if (Array.isArray(value)) {
    const items = value.map((item) => jsonRenderer(item, names))
    return (rendering) => items.map((render) => render(rendering))
  }
  const entries = Object.entries(value).map(([key, each]) => [key, jsonRenderer(each, names)] as const)
  // Not by assignment: a key may be "__proto__".
  return (rendering) => Object.fromEntries(entries.map(([key, render]) => [key, render(rendering)]))
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

/** What has none is put in as it is, however many values it has. */
function hasTemplate(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('{{')
  return typeof value === 'object' && value !== null && Object.values(value).some(hasTemplate)
}
