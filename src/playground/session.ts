import { isDeepStrictEqual } from 'node:util'
import { InvalidInputError } from '../errors.ts'
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
   * The revision of the prompt's draft that may be overwritten: of when it was opened, if the draft said then what the
   * session was opened from, or last saved to.
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
 * messages back. Null where it can't: one of its blocks says what was not sent.
 */
export function withRecorded(
  content: PromptContent,
  variables: Record<string, unknown>,
  recorded: PromptContent,
): { content: PromptContent; recordedIds: string[] } | null {
  const compiled = compileContent(prepareContent(content), variables, { isLenient: true })
  const { messages } = compileContent(prepareContent(recorded), {}, { isLenient: true })
  const blocks: PromptBlock[] = []
  const recordedIds: string[] = []
  const taken = new Set(content.blocks.map(({ id }) => id))
  let [next, sent] = [0, 0]
  for (const { block, included } of compiled.blocks) {
    if (included) {
      const message = compiled.messages[sent++]
      while (next < messages.length && !isDeepStrictEqual(messages[next], message)) putIn(next++)
      if (next === messages.length) return null
      next++
    }
    blocks.push(block)
  }
  while (next < messages.length) putIn(next++)
  return { content: { ...content, blocks }, recordedIds }

  function putIn(index: number): void {
    const block = recorded.blocks[index] as PromptBlock
    let { id } = block
    while (taken.has(id)) id = `recorded-${id}`
    taken.add(id)
    blocks.push({ ...block, id })
    recordedIds.push(id)
  }
}

/**
 * What is the prompt's, of a content to which the rest of a call was added: no recorded blocks; and where the model or
 * the tools of the call are still as they were opened, those of the draft.
 */
export function contentToSave(
  { base, content, recordedIds }: PlaygroundSession,
  draft: PromptContent | null,
): PromptContent {
  const blocks = content.blocks.filter(({ id }) => !recordedIds.includes(id))
  const edited = { ...content, blocks }
  if (draft === null) return edited
  const fields = ['model', 'tools', 'toolChoice', 'responseSchema'] as const
  const kept = fields.filter((field) => isDeepStrictEqual(content[field], base[field]))
  return { ...edited, ...Object.fromEntries(kept.map((field) => [field, draft[field]])) }
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
