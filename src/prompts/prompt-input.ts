import { cleanText } from '../clean.ts'
import { InvalidInputError } from '../errors.ts'
import { isRecord } from '../json-record.ts'
import { shown } from '../shown.ts'
import { isLongerThan } from '../text-length.ts'
import { prepareContent } from './compile.ts'
import { readJson } from './json-input.ts'
import { BrokenBlockError, requireDecidable } from './prepared-block.ts'
import {
  type BlockFormat,
  type BlockRole,
  formatOf,
  type ModelConfig,
  type PromptBlock,
  type PromptContent,
  type PromptVariable,
} from './prompt-content.ts'

/** A content as clients give it: whatever is left out has a meaning of its own. */
export interface PromptContentInput {
  blocks: readonly BlockInput[]
  variables?: readonly PromptVariableInput[] | null | undefined
  model?: ModelConfigInput | null | undefined
  tools?: unknown
  toolChoice?: unknown
  responseSchema?: unknown
}

export interface BlockInput {
  id?: string | null | undefined
  name?: string | null | undefined
  role: BlockRole
  format?: BlockFormat | null | undefined
  content: string
  when?: string | null | undefined
  enabled?: boolean | null | undefined
}

export interface PromptVariableInput {
  name: string
  description?: string | null | undefined
  required?: boolean | null | undefined
  default?: unknown
}

export interface ModelConfigInput {
  provider: string
  name: string
  parameters?: unknown
}

const maxBlocks = 500
const maxVariables = 500
const maxName = 200
const maxDescription = 2_000
/** Of a content as JSON: comparing and preparing it takes time that others wait for. */
const maxContentLength = 500_000
/** Of tools, schema, parameters and defaults together, and of the JSON of blocks. */
const maxValues = 20_000
const maxKeyLength = 1_000

/**
 * The content that is stored: cleaned, with an id for every block, and with nothing in it that can't be compiled.
 * Throws INVALID_INPUT that names the place: `input.blocks[2].content`.
 */
export function readContent(input: PromptContentInput, field = 'input'): PromptContent {
  const content = readUncompiled(input, field)
  requireCallable(content, field)
  requireCompilable(content, field)
  return content
}

/** The same of what is only to be looked at: parsing conditions takes far longer than all else. */
export function readUncompiled(input: PromptContentInput, field = 'input'): PromptContent {
  const content = {
    blocks: readBlocks(input.blocks, `${field}.blocks`),
    variables: readVariables(input.variables ?? [], `${field}.variables`),
    model: readModel(input.model ?? null, `${field}.model`),
    tools: readJson(input.tools, `${field}.tools`),
    toolChoice: readJson(input.toolChoice, `${field}.toolChoice`),
    responseSchema: readJson(input.responseSchema, `${field}.responseSchema`),
  }
  requireModest(content, field)
  const { length } = JSON.stringify(content)
  if (length > maxContentLength) {
    throw new InvalidInputError(
      field,
      `The content of a prompt has up to ${maxContentLength} characters as JSON; got ${length}.`,
    )
  }
  return content
}

/** What is written of blocks that are there already, with their formats where it leaves them out. */
export function keepFormats(input: PromptContentInput, { blocks }: PromptContent): PromptContentInput {
  const known = new Map(blocks.map(({ id, format }) => [id, format]))
  return {
    ...input,
    blocks: input.blocks.map((block) => ({ ...block, format: formatOf(block, known.get(block.id ?? '')) })),
  }
}

type CallParts = Pick<PromptContent, 'tools' | 'toolChoice' | 'responseSchema'>

/** Of a shape that a model can be called with: providers understand many, so that there is no more to ask for. */
export function requireCallable({ tools, toolChoice, responseSchema }: CallParts, field: string): void {
  if (tools !== null) {
    if (typeof tools !== 'object') {
      throw new InvalidInputError(`${field}.tools`, `Tools are a list of objects; got ${shown(tools)}.`)
    }
    for (const [key, tool] of Object.entries(tools)) {
      if (isRecord(tool)) continue
      const place = Array.isArray(tools) ? `tools[${key}]` : `tools.${key}`
      throw new InvalidInputError(`${field}.${place}`, `A tool is a JSON object; got ${shown(tool)}.`)
    }
  }
  if (toolChoice !== null && typeof toolChoice !== 'string' && !isRecord(toolChoice)) {
    throw new InvalidInputError(
      `${field}.toolChoice`,
      `The choice of a tool is a text or a JSON object; got ${shown(toolChoice)}.`,
    )
  }
  if (responseSchema !== null && !isRecord(responseSchema)) {
    throw new InvalidInputError(
      `${field}.responseSchema`,
      `A response schema is a JSON object; got ${shown(responseSchema)}.`,
    )
  }
}

function readBlocks(inputs: readonly BlockInput[], field: string): PromptBlock[] {
  requireAtMost(maxBlocks, inputs, field)
  const taken = new Set<string>()
  for (const [index, { id }] of inputs.entries()) {
    if ((id ?? null) !== null) takeId(id as string, taken, `${field}[${index}].id`)
  }
  return inputs.map((input, index) => {
    const at = `${field}[${index}]`
    const name = readText(input.name, maxName, `${at}.name`)
    const when = cleanText(input.when ?? '').trim()
    return {
      id: input.id ?? freeId(name ?? input.role, taken),
      name,
      role: input.role,
      format: formatOf(input, undefined),
      content: cleanText(input.content),
      when: when === '' ? null : when,
      enabled: input.enabled ?? true,
    }
  })
}

function takeId(id: string, taken: Set<string>, field: string): void {
  if (!/^[\w.:-]{1,100}$/.test(id)) {
    throw new InvalidInputError(
      field,
      `The id of a block has 1 to 100 letters, digits, "_", ".", ":" or "-"; got ${shown(id)}.`,
    )
  }
  if (taken.has(id))
    throw new InvalidInputError(field, `The ids of blocks are unique in their prompt; got "${id}" twice.`)
  taken.add(id)
}

/** Made of the name, not by chance: the same content has the same ids, and so the same etag. */
function freeId(name: string, taken: Set<string>): string {
  const words = name.toLowerCase().match(/[a-z0-9]+/g)
  const base = words?.join('-').slice(0, 80) ?? 'block'
  let id = base
  for (let count = 2; taken.has(id); count++) id = `${base}-${count}`
  taken.add(id)
  return id
}

function readVariables(inputs: readonly PromptVariableInput[], field: string): PromptVariable[] {
  requireAtMost(maxVariables, inputs, field)
  const taken = new Set<string>()
  return inputs.map((input, index) => {
    const { name } = input
    const at = `${field}[${index}]`
    if (!/^[A-Za-z_]\w{0,99}$/.test(name)) {
      const rule = 'The name of a variable has up to 100 letters, digits or "_", and no digit first'
      throw new InvalidInputError(`${at}.name`, `${rule}; got ${shown(name)}.`)
    }
    if (taken.has(name)) throw new InvalidInputError(`${at}.name`, `A variable is declared once; got "${name}" twice.`)
    taken.add(name)
    return {
      name,
      description: readText(input.description, maxDescription, `${at}.description`),
      required: input.required ?? false,
      default: readJson(input.default, `${at}.default`),
    }
  })
}

function readModel(input: ModelConfigInput | null, field: string): ModelConfig | null {
  if (input === null) return null
  const parameters = readJson(input.parameters, `${field}.parameters`)
  if (parameters !== null && (typeof parameters !== 'object' || Array.isArray(parameters))) {
    throw new InvalidInputError(`${field}.parameters`, `Parameters are a JSON object; got ${shown(parameters)}.`)
  }
  const [provider, name] = (['provider', 'name'] as const).map((part) => {
    const text = readText(input[part], maxName, `${field}.${part}`)?.trim()
    if (text) return text
    throw new InvalidInputError(`${field}.${part}`, `The ${part} of a model has 1 to ${maxName} characters; got none.`)
  }) as [string, string]
  return { provider, name, parameters }
}

export function readText(value: string | null | undefined, maxLength: number, field: string): string | null {
  const text = value ?? null
  if (text === null || !isLongerThan(text, maxLength)) return text && cleanText(text)
  throw new InvalidInputError(field, `This has up to ${maxLength} characters; got more.`)
}

function requireAtMost(max: number, inputs: readonly unknown[], field: string): void {
  if (inputs.length > max) throw new InvalidInputError(field, `There may be up to ${max} here; got ${inputs.length}.`)
}

/** Values in values: of each there is something to be made, and its keys stand in the paths of differences. */
function requireModest(content: PromptContent, field: string): void {
  let values = 0
  function count(value: unknown): void {
    if (++values > maxValues) {
      throw new InvalidInputError(field, `The content of a prompt has up to ${maxValues} values; got more.`)
    }
    if (typeof value !== 'object' || value === null) return
    for (const [key, each] of Object.entries(value)) {
      if (key.length > maxKeyLength) {
        throw new InvalidInputError(field, `A key here has up to ${maxKeyLength} characters; got ${key.length}.`)
      }
      count(each)
    }
  }
  count(content)
}

function requireCompilable(content: PromptContent, field: string): void {
  try {
    requireDecidable(prepareContent(content).blocks)
  } catch (error) {
    if (!(error instanceof BrokenBlockError)) throw error
    const { index, blockId, part, line, column, reason } = error
    throw new InvalidInputError(
      `${field}.blocks[${index}].${part}`,
      `Block "${blockId}", ${part}, line ${line}, column ${column}: ${reason}`,
    )
  }
}
