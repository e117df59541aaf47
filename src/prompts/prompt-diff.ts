import { FILE_HEADERS_ONLY, formatPatch, type StructuredPatchHunk } from 'diff'
import type { ModelConfig, PromptBlock, PromptContent, PromptVariable } from './prompt-content.ts'
import { promptText } from './prompt-text.ts'
import { createDiffBudget, type DiffBudget, diffLines, diffTexts, type TextPart } from './text-diff.ts'
import { diffValues, type ValueDiff } from './value-diff.ts'

export interface PromptDiff {
  identical: boolean
  /** Every block of either side, once. */
  blocks: BlockDiff[]
  variables: ValueDiff[]
  model: ValueDiff[]
  /** Of the tools, the choice among them and the response schema. */
  tools: ValueDiff[]
  /** Of the two `promptText`; empty if they are the same. */
  unified: string
}

export interface BlockDiff {
  blockId: string
  /** CHANGED: whatever else became of it; MOVED: nothing else did. */
  change: 'ADDED' | 'REMOVED' | 'CHANGED' | 'MOVED' | 'UNCHANGED'
  moved: boolean
  before: PromptBlock | null
  after: PromptBlock | null
  /** Of the content. */
  parts: TextPart[]
}

export function diffContents(
  before: PromptContent,
  after: PromptContent,
  names: { before: string; after: string },
): PromptDiff {
  const [textBefore, textAfter] = [promptText(before), promptText(after)]
  return {
    identical: textBefore === textAfter,
    blocks: diffBlocks(before.blocks, after.blocks),
    variables: diffValues(before.variables.map(variableValue), after.variables.map(variableValue), 'variables'),
    model: diffValues(modelValue(before.model), modelValue(after.model), 'model'),
    tools: [
      ...diffValues(before.tools, after.tools, 'tools'),
      ...diffValues(before.toolChoice, after.toolChoice, 'toolChoice'),
      ...diffValues(before.responseSchema, after.responseSchema, 'responseSchema'),
    ],
    unified: unifiedDiff(textBefore, textAfter, names),
  }
}

/** In the order of `after`; what was removed stands behind what it stood behind before. */
function diffBlocks(before: readonly PromptBlock[], after: readonly PromptBlock[]): BlockDiff[] {
  const olds = new Map(before.map((block) => [block.id, block]))
  const news = new Map(after.map((block) => [block.id, block]))
  const removedBehind = new Map<string | null, PromptBlock[]>([[null, []]])
  let anchor: string | null = null
  for (const block of olds.values()) {
    if (news.has(block.id)) {
      anchor = block.id
      removedBehind.set(anchor, [])
    } else removedBehind.get(anchor)?.push(block)
  }

  const budget = createDiffBudget()
  const moved = findMoved([...olds.keys()], [...news.keys()])
  const listRemoved = (id: string | null) => (removedBehind.get(id) ?? []).map(removedBlock)
  const listed = [...news.values()].flatMap((block) => {
    const old = olds.get(block.id)
    if (!old) return [addedBlock(block)]
    return [keptBlock(old, block, moved.has(block.id), budget), ...listRemoved(block.id)]
  })
  return [...listRemoved(null), ...listed]
}

function addedBlock(after: PromptBlock): BlockDiff {
  const parts = diffTexts('', after.content)
  return { blockId: after.id, change: 'ADDED', moved: false, before: null, after, parts }
}

function removedBlock(before: PromptBlock): BlockDiff {
  const parts = diffTexts(before.content, '')
  return { blockId: before.id, change: 'REMOVED', moved: false, before, after: null, parts }
}

const blockFields = ['name', 'role', 'format', 'content', 'when', 'enabled'] as const

function keptBlock(before: PromptBlock, after: PromptBlock, moved: boolean, budget: DiffBudget): BlockDiff {
  const isChanged = blockFields.some((field) => before[field] !== after[field])
  const change = isChanged ? 'CHANGED' : moved ? 'MOVED' : 'UNCHANGED'
  return { blockId: after.id, change, moved, before, after, parts: diffTexts(before.content, after.content, budget) }
}

/** As few as there can be: those outside a longest run of common ones that kept their order. */
function findMoved(before: readonly string[], after: readonly string[]): Set<string> {
  const places = new Map(before.map((id, place) => [id, place]))
  const placeOf = (id: string) => places.get(id) as number
  const common = after.filter((id) => places.has(id))

  // The last of the best run of each length so far, and what each stands behind in its run.
  const lasts: string[] = []
  const previous = new Map<string, string | undefined>()
  for (const id of common) {
    let length = 0
    for (let above = lasts.length; length < above; ) {
      const middle = (length + above) >> 1
      if (placeOf(lasts[middle] as string) < placeOf(id)) length = middle + 1
      else above = middle
    }
    previous.set(id, lasts[length - 1])
    lasts[length] = id
  }

  const moved = new Set(common)
  for (let id = lasts.at(-1); id !== undefined; id = previous.get(id)) moved.delete(id)
  return moved
}

/** Null is nothing there, so what comes to be is ADDED. */
function variableValue({ name, description, required, default: otherwise }: PromptVariable): object {
  return {
    name,
    required,
    ...(description === null ? {} : { description }),
    ...(otherwise === null || otherwise === undefined ? {} : { default: otherwise }),
  }
}

function modelValue(model: ModelConfig | null): object | null {
  if (!model) return null
  const { provider, name, parameters } = model
  return { provider, name, ...(parameters === null || parameters === undefined ? {} : { parameters }) }
}

const context = 3

function unifiedDiff(before: string, after: string, names: { before: string; after: string }): string {
  if (before === after) return ''
  const hunks = hunksOf(diffLines(before, after))
  const patch = { oldFileName: names.before, newFileName: names.after, oldHeader: '', newHeader: '', hunks }
  return formatPatch(patch, FILE_HEADERS_ONLY)
}

/** Of texts in which a line feed ends every line. */
function hunksOf(parts: readonly TextPart[]): StructuredPatchHunk[] {
  const hunks: StructuredPatchHunk[] = []
  let open: StructuredPatchHunk | null = null
  let equal: string[] = []
  let [oldLine, newLine] = [1, 1]
  for (const [index, { kind, text }] of parts.entries()) {
    const lines = text.split('\n').slice(0, -1)
    if (kind === 'EQUAL') {
      const isEnd = index === parts.length - 1 || lines.length > 2 * context
      if (open) extend(open, ' ', isEnd ? lines.slice(0, context) : lines)
      if (isEnd) open = null
      equal = lines.slice(-context)
    } else {
      if (!open) {
        open = {
          oldStart: oldLine - equal.length,
          oldLines: 0,
          newStart: newLine - equal.length,
          newLines: 0,
          lines: [],
        }
        extend(open, ' ', equal)
        hunks.push(open)
      }
      extend(open, kind === 'DELETED' ? '-' : '+', lines)
    }
    if (kind !== 'INSERTED') oldLine += lines.length
    if (kind !== 'DELETED') newLine += lines.length
  }
  return hunks
}

function extend(hunk: StructuredPatchHunk, sign: ' ' | '-' | '+', lines: readonly string[]): void {
  for (const line of lines) hunk.lines.push(sign + line)
  if (sign !== '+') hunk.oldLines += lines.length
  if (sign !== '-') hunk.newLines += lines.length
}
