import { isDeepStrictEqual } from 'node:util'
import { InvalidInputError } from '../errors.ts'
import { isRecord } from '../json-record.ts'
import { brokenCursor, encodeCursor, type PageInput, type PageRequest } from '../page.ts'
import { compileContent, prepareContent } from '../prompts/compile.ts'
import type { SelectorInput } from '../prompts/prompt.ts'
import type { PromptBlock, PromptContent } from '../prompts/prompt-content.ts'

/**
 * Where the content of a session comes from. VERSION: what its trace was made with, known by the etag. MANIFEST: what
 * the trace recorded of it. MESSAGES: made of the messages that were recorded. PROMPT: opened from a prompt.
 */
export const sessionOrigins = ['VERSION', 'MANIFEST', 'MESSAGES', 'PROMPT'] as const
export type SessionOrigin = (typeof sessionOrigins)[number]

/** A working copy: of the prompt as it was in a call, or as it is. */
export interface PlaygroundSession {
  id: string
  traceId: string | null
  spanId: string | null
  promptId: string | null
  origin: SessionOrigin
  /**
   * The revision of the prompt's draft that may be overwritten: of when it was last saved, or of when it was opened, if
   * the draft said then what the session was opened from, or what a version keeps.
   */
  draftRevision: number | null
  base: PromptContent
  content: PromptContent
  variables: Record<string, unknown>
  /** Blocks that were in the call and are not the prompt's: sent, and not saved. */
  recordedIds: string[]
  revision: number
  createdAt: Date
  updatedAt: Date
}

export interface OpenSessionInput {
  traceId?: string | null | undefined
  spanId?: string | null | undefined
  promptName?: string | null | undefined
  selector?: SelectorInput | null | undefined
}

export function requireOrigin({ traceId, spanId, promptName, selector }: OpenSessionInput): void {
  const [trace, span, prompt] = [traceId ?? null, spanId ?? null, promptName ?? null]
  if (trace === null && prompt === null) {
    throw new InvalidInputError('input.traceId', 'A session is opened from a trace or from a prompt; got neither.')
  }
  if (trace !== null && prompt !== null) {
    throw new InvalidInputError('input.promptName', 'A session is opened from a trace or from a prompt; got both.')
  }
  if (span !== null && trace === null) {
    throw new InvalidInputError('input.spanId', 'A span is named together with its trace; got it alone.')
  }
  if (prompt === null && (selector ?? null) !== null) {
    throw new InvalidInputError('input.selector', 'A selector goes with the name of a prompt; got it without.')
  }
}

/**
 * The content, with what else was recorded as sent put in between its blocks, so that compiling it gives the recorded
 * messages back: exactly where that can be, else as they read, however their texts were cut into messages and parts.
 * Null where neither can be: one of its blocks says what was not sent.
 */
export function withRecorded(
  content: PromptContent,
  variables: Record<string, unknown>,
  recorded: PromptContent,
): { content: PromptContent; recordedIds: string[] } | null {
  const compiled = compileContent(prepareContent(content), variables, { isLenient: true })
  const { messages } = compileContent(prepareContent(recorded), {}, { isLenient: true })
  const isSame = (index: number, from: number) => isDeepStrictEqual(messages[index], compiled.messages[from])
  const exact = { isSystemRecorded: true, countSaid: (index: number, from: number) => (isSame(index, from) ? 1 : 0) }
  const found = aligned(content, compiled.blocks, recorded.blocks, exact)
  if (found) return found
  // Each is read once: there may be many of them, and large ones.
  const [said, parts] = [messages.map(readOf), compiled.messages.map(readOf)]
  return aligned(content, compiled.blocks, recorded.blocks, {
    // Whoever records no instructions at all has sent them nevertheless.
    isSystemRecorded: recorded.blocks.some(({ role }) => role === 'SYSTEM'),
    countSaid: (index, from) => (isSame(index, from) ? 1 : countParts(said[index] ?? null, parts, from)),
  })
}

interface Matching {
  isSystemRecorded: boolean
  /** How many of the messages from a place on, together, are the one that was recorded; 0: they are not. */
  countSaid(index: number, from: number): number
}

function aligned(
  content: PromptContent,
  compiled: ReturnType<typeof compileContent>['blocks'],
  recorded: readonly PromptBlock[],
  { isSystemRecorded, countSaid }: Matching,
): { content: PromptContent; recordedIds: string[] } | null {
  const blocks: PromptBlock[] = []
  const recordedIds: string[] = []
  const taken = new Set(content.blocks.map(({ id }) => id))
  let [next, sent, covered] = [0, 0, 0]
  for (const { block, included } of compiled) {
    if (included) {
      if (covered === 0 && (block.role !== 'SYSTEM' || isSystemRecorded)) {
        while (next < recorded.length) {
          covered = countSaid(next, sent)
          if (covered > 0) break
          putIn(next++)
        }
        if (next++ === recorded.length) return null
      }
      if (covered > 0) covered--
      sent++
    }
    blocks.push(block)
  }
  while (next < recorded.length) putIn(next++)
  return { content: { ...content, blocks }, recordedIds }

  function putIn(index: number): void {
    const block = recorded[index] as PromptBlock
    let { id } = block
    while (taken.has(id)) id = `recorded-${id}`
    taken.add(id)
    blocks.push({ ...block, id })
    recordedIds.push(id)
  }
}

interface Read {
  role: string
  text: string
}

/** Several instructions are often sent as one, and a text as a part of its own. */
function countParts(whole: Read | null, parts: readonly (Read | null)[], from: number): number {
  if (whole === null) return 0
  let at = 0
  for (let index = from; index < parts.length; index++) {
    const part = parts[index]
    if (part?.role !== whole.role || !whole.text.startsWith(part.text, at)) return 0
    at += part.text.length
    if (at === whole.text.length) return index - from + 1
  }
  return 0
}

/** Who says what, but for blanks. Null: it is more than a text. */
function readOf(message: unknown): Read | null {
  if (!isRecord(message)) return null
  const { role, content, ...others } = message
  if (typeof role !== 'string' || Object.entries(others).some(([name, value]) => value !== null && !isAside(name))) {
    return null
  }
  const texts = typeof content === 'string' ? [content] : Array.isArray(content) ? content.map(textOfPart) : [null]
  const text = texts.some((each) => each === null) ? '' : texts.join('').replace(/\s+/g, '')
  const said = role.toLowerCase()
  return text === '' ? null : { role: sameRoles[said] ?? said, text }
}

const sameRoles: Record<string, string> = { developer: 'system', human: 'user', ai: 'assistant', model: 'assistant' }

/** What no model is shown. */
function isAside(name: string): boolean {
  return /^(id|type|metadata|created_?at|timestamp)$/i.test(name)
}

function textOfPart(part: unknown): string | null {
  if (!isRecord(part)) return null
  const { type, text, ...others } = part
  return type === 'text' && typeof text === 'string' && Object.keys(others).length === 0 ? text : null
}

/**
 * All that the session says, but for the blocks that were only recorded; and where a call named a model and not whose
 * it is, the model that the draft has.
 */
export function contentToSave(
  { content, recordedIds }: Pick<PlaygroundSession, 'content' | 'recordedIds'>,
  draft: PromptContent | null,
): PromptContent {
  const recorded = new Set(recordedIds)
  const blocks = content.blocks.filter(({ id }) => !recorded.has(id))
  const isModelKnown = content.model?.provider !== unknownModel && content.model?.name !== unknownModel
  return { ...content, blocks, model: isModelKnown ? content.model : (draft?.model ?? null) }
}

/** Stands for what a call has not named of its model. */
export const unknownModel = 'unknown'

/** Of a call: whatever else was recorded there says nothing. */
export function variablesOf(recorded: unknown): Record<string, unknown> {
  return isRecord(recorded) ? recorded : {}
}

/** What a prompt may be called that is made of a session: as its trace says, within what names may be. */
export function promptNameFor(given: string | null, { id }: PlaygroundSession): string {
  const name = (given ?? '')
    .replace(/[\p{Cc}\p{Cs}]+/gu, ' ')
    .trim()
    .slice(0, 150)
    .trim()
  return name === '' ? `session ${id}` : name.toWellFormed()
}

export interface SessionsInput extends PageInput {
  traceId?: string | null | undefined
  promptName?: string | null | undefined
}

/** Sessions and runs are listed newest first: their ids grow with time. */
export function idCursor({ id }: { id: string }): string {
  return encodeCursor([id])
}

export function readIdPosition({ from, cursorField }: PageRequest): string | null {
  if (from === null) return null
  const [id] = from
  if (from.length !== 1 || typeof id !== 'string' || !/^[a-z0-9_]{1,100}$/.test(id))
    throw brokenCursor(cursorField, from)
  return id
}
