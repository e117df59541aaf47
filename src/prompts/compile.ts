import { DomainError, type ErrorDetails, InvalidInputError, LimitError } from '../errors.ts'
import { shown } from '../shown.ts'
import { type Allowance, ConditionError, decide, maxDecisionMs } from './condition.ts'
import { BrokenBlockError, type PreparedBlock, prepareBlock } from './prepared-block.ts'
import type { PromptBlock, PromptContent } from './prompt-content.ts'
import { NoRoomError, type Rendering } from './template.ts'

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

export class MissingVariablesError extends DomainError {
  declare readonly details: ErrorDetails & { missingVariables: string[] }

  constructor(missingVariables: string[]) {
    const details = { field: 'variables', missingVariables }
    super('INVALID_INPUT', `Required variables are missing: ${missingVariables.join(', ')}.`, details)
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
const maxConditionsLength = 10_000

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
