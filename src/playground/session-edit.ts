import { InvalidInputError, NotFoundError } from '../errors.ts'
import { maxCompiledLength } from '../prompts/compile.ts'
import { maxConditionLength } from '../prompts/condition.ts'
import {
  type BlockFormat,
  type BlockRole,
  formatOf,
  type PromptBlock,
  type PromptContent,
} from '../prompts/prompt-content.ts'
import {
  type BlockInput,
  type ModelConfigInput,
  readContent,
  readUncompiled,
  requireCallable,
} from '../prompts/prompt-input.ts'

/**
 * Edits of a session's content. Each gives a new content in which all that it doesn't touch is the same objects, or
 * throws with the argument named as the client gave it.
 *
 * Only what is given is checked, by the rules of a prompt: a session may hold what no prompt may (a recorded call of
 * 700 messages, a broken condition in a manifest), and such a one can still be edited, a piece at a time. It may not
 * grow while it is over a limit of its own.
 */
const maxBlocks = 500
/** As JSON. What is longer couldn't be compiled either. A prompt has less: saving says so. */
const maxLength = maxCompiledLength

/** What is left out stays; null removes a name or a condition. */
export interface BlockEdit {
  name?: string | null | undefined
  role?: BlockRole | null | undefined
  format?: BlockFormat | null | undefined
  content?: string | null | undefined
  when?: string | null | undefined
  enabled?: boolean | null | undefined
}

/** What is left out stays; null removes it. */
export interface ToolsEdit {
  tools?: unknown
  toolChoice?: unknown
  responseSchema?: unknown
}

export function editBlock(content: PromptContent, blockId: string, change: BlockEdit): PromptContent {
  const place = placeOf(content, blockId)
  const old = content.blocks[place] as PromptBlock
  const role = kept(change.role, old.role, 'role')
  const format =
    change.format === undefined && typeof change.content === 'string'
      ? formatOf({ content: change.content }, old.format)
      : kept(change.format, old.format, 'format')
  const text = kept(change.content, old.content, 'content')
  const enabled = kept(change.enabled, old.enabled, 'enabled')

  const isTextGiven = change.content !== undefined || format !== old.format
  const anyText = format === 'JSON' ? '{}' : ''
  const { name, when } = change
  const others = (when ?? null) === null ? [] : content.blocks.filter((block) => block.when !== null && block !== old)
  const tried = { id: blockId, name, role, format, content: isTextGiven ? text : anyText, when, enabled }
  const read = renamed(
    () => readAmong(others, tried),
    (field) => (field === 'input.content' && change.content === undefined ? 'input.format' : field),
  )
  const block = {
    ...read,
    name: name === undefined ? old.name : read.name,
    content: isTextGiven ? read.content : old.content,
    when: when === undefined ? old.when : read.when,
  }
  return roomy(content, { ...content, blocks: content.blocks.with(place, block) }, 'input')
}

/** Null: at the end. */
export function addBlock(content: PromptContent, input: BlockInput, position: number | null): PromptContent {
  const { blocks } = content
  const place = readPosition(position ?? blocks.length, blocks.length)
  if (blocks.length >= maxBlocks) {
    throw new InvalidInputError('input', `A session has up to ${maxBlocks} blocks; this one has ${blocks.length}.`)
  }
  const block = renamed(() => readAmong(blocks, input))
  return roomy(content, { ...content, blocks: blocks.toSpliced(place, 0, block) }, 'input')
}

/** The position is the one that it has afterwards. */
export function moveBlock(content: PromptContent, blockId: string, position: number): PromptContent {
  const { blocks } = content
  const from = placeOf(content, blockId)
  const to = readPosition(position, blocks.length - 1)
  if (from === to) return content
  return { ...content, blocks: blocks.toSpliced(from, 1).toSpliced(to, 0, blocks[from] as PromptBlock) }
}

export function removeBlock(content: PromptContent, blockId: string): PromptContent {
  return { ...content, blocks: content.blocks.toSpliced(placeOf(content, blockId), 1) }
}

export function setModel(content: PromptContent, model: ModelConfigInput | null): PromptContent {
  const read = renamed(() => readUncompiled({ blocks: [], model }, 'content'))
  return roomy(content, { ...content, model: read.model }, 'model')
}

export function setTools(content: PromptContent, change: ToolsEdit): PromptContent {
  const given = toolFields.filter((field) => change[field] !== undefined)
  const read = renamed(() => readUncompiled({ ...change, blocks: [] }, 'content'))
  renamed(() => requireCallable(read, 'content'))
  const set = Object.fromEntries(given.map((field) => [field, read[field]]))
  return roomy(content, { ...content, ...set }, given[0] ?? 'tools')
}

const toolFields = ['tools', 'toolChoice', 'responseSchema'] as const

function placeOf({ blocks }: PromptContent, blockId: string): number {
  const place = blocks.findIndex(({ id }) => id === blockId)
  if (place < 0) throw new NotFoundError('block', blockId, 'blockId')
  return place
}

function readPosition(position: number, max: number): number {
  if (Number.isInteger(position) && position >= 0 && position <= max) return position
  throw new InvalidInputError('position', `A position here is a whole number from 0 to ${max}; got ${position}.`)
}

function kept<T>(given: T | null | undefined, old: T, field: string): T {
  if (given !== null) return given ?? old
  throw new InvalidInputError(`input.${field}`, `The ${field} of a block can be changed, not removed; got null.`)
}

/**
 * Last among others that have nothing but what it is bound by: ids are unique, and all conditions together limited. A
 * name as long stands for each of their conditions: it is parsed at once, and never broken.
 */
function readAmong(others: readonly PromptBlock[], input: BlockInput): PromptBlock {
  const standIns = others.map(({ id, role, when }) => {
    const length = Math.min(when?.length ?? 0, maxConditionLength)
    return { id, role, content: '', when: 'a'.repeat(length) }
  })
  return readContent({ blocks: [...standIns, input] }, 'content').blocks.at(-1) as PromptBlock
}

/** `content.blocks[3].when` is the client's `input.when`, `content.model.name` its `model.name`. */
function renamed<T>(read: () => T, rename = (field: string) => field): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error
    const field = (error.details.field ?? '').replace(/^content\.blocks(\[\d+\])?/, 'input').replace(/^content\./, '')
    throw new InvalidInputError(rename(field), error.message, error.details.hint)
  }
}

function roomy(before: PromptContent, after: PromptContent, field: string): PromptContent {
  const { length } = JSON.stringify(after)
  if (length <= maxLength || length <= JSON.stringify(before).length) return after
  throw new InvalidInputError(
    field,
    `The content of a session has up to ${maxLength} characters as JSON; got ${length}.`,
    'Shorten or remove other blocks first.',
  )
}
