import { cleanText } from '../clean.ts'
import { ConflictError, DomainError, InvalidInputError } from '../errors.ts'
import { brokenCursor, encodeCursor, type PageInput, type PageRequest } from '../page.ts'
import { shown } from '../shown.ts'
import type { PromptContent } from './prompt-content.ts'

/** Named text in blocks. What it says lies in its draft and its versions. */
export interface Prompt {
  id: string
  name: string
  description: string | null
  createdAt: Date
  updatedAt: Date
}

/** The one content of a prompt that may be changed. */
export interface PromptDraft {
  promptId: string
  /** Goes up with every write; who writes says which one was read. */
  revision: number
  etag: string
  content: PromptContent
  /** The version that it was last published as. */
  baseNumber: number | null
  /** Whether it says something else than that version does. */
  changed: boolean
  /** What justifies it, where a session of the playground wrote it. */
  evidence: Evidence | null
  updatedAt: Date
}

/** Whose key did it. The key may be gone by now. */
export interface Author {
  keyId: string
  keyName: string
}

/** What justified a version: ids of what showed that something was wrong, and tried what mends it. */
export interface Evidence {
  traceId: string | null
  sessionId: string | null
  runIds: string[]
  /** Of what the session said when it was saved: its runs of just that are added when it is published. */
  textEtag?: string
}

/** A content as it was published. In a prompt there is one for each etag. */
export interface PromptVersion extends Author {
  promptId: string
  number: number
  etag: string
  note: string | null
  evidence: Evidence | null
  publishedAt: Date
}

export interface PromptLabel {
  promptId: string
  name: string
  number: number
  movedAt: Date
}

/** From null: the label was new; to null: it was removed. */
export interface PromptLabelMove extends Author {
  promptId: string
  id: string
  label: string
  fromNumber: number | null
  toNumber: number | null
  note: string | null
  evidence: Evidence | null
  movedAt: Date
}

export interface VersionKey {
  promptId: string
  number: number
}

/** As a trace says what it was made with. */
export interface NamedEtag {
  promptName: string
  etag: string
}

/** For maps: of no two of them the same. */
export function keyOfNamedEtag({ promptName, etag }: NamedEtag): string {
  return JSON.stringify([promptName, etag])
}

export function keyOfVersion({ promptId, number }: VersionKey): string {
  return `${promptId}/${number}`
}

/** What `Prompt.published` and whoever asks for nothing else gets. */
export const publishedLabel = 'production'

export interface SelectorInput {
  version?: number | null | undefined
  label?: string | null | undefined
  etag?: string | null | undefined
  draft?: boolean | null | undefined
}

export type Selector =
  | { kind: 'version'; number: number }
  | { kind: 'label'; name: string }
  | { kind: 'etag'; etag: string }
  | { kind: 'draft' }

/** Exactly one is given; none means what is published. */
export function readSelector(input: SelectorInput | null | undefined, field: string): Selector {
  const { version = null, label = null, etag = null, draft } = input ?? {}
  const given: Selector[] = []
  if (version !== null) given.push({ kind: 'version', number: version })
  if (label !== null) given.push({ kind: 'label', name: cleanText(label) })
  if (etag !== null) given.push({ kind: 'etag', etag: cleanText(etag) })
  if (draft) given.push({ kind: 'draft' })
  if (given.length > 1) {
    const got = given.map(({ kind }) => kind).join(' and ')
    throw new InvalidInputError(field, `A selector has one of version, label, etag and draft; got ${got}.`)
  }
  return given[0] ?? { kind: 'label', name: publishedLabel }
}

/** For people: `version 3`, `label "production"`. */
function nameOfSelector(selector: Selector): string {
  if (selector.kind === 'version') return `version ${selector.number}`
  if (selector.kind === 'label') return `label "${selector.name}"`
  return selector.kind === 'etag' ? `etag "${selector.etag}"` : 'draft'
}

/** At the head of a diff: `support@production`, `support@3`. */
export function headOf(promptName: string, selector: Selector): string {
  if (selector.kind === 'version') return `${promptName}@${selector.number}`
  if (selector.kind === 'label') return `${promptName}@${selector.name}`
  return `${promptName}@${selector.kind === 'etag' ? selector.etag.slice(0, 12) : 'draft'}`
}

export function requireLabel(name: string): string {
  if (/^[a-z0-9][a-z0-9._-]{0,99}$/.test(name)) return name
  const rule = 'A label has 1 to 100 of a-z, 0-9, ".", "_" and "-", and begins with a letter or digit'
  throw new InvalidInputError('label', `${rule}; got ${shown(name)}.`)
}

export class NameTakenError extends ConflictError {
  constructor(name: string) {
    super(`There is a prompt "${name}" already.`, { field: 'input.name' })
  }
}

/** A selector that leads to nothing. `hint` says what else to ask for where simply nothing is published yet. */
export class NoSuchContentError extends DomainError {
  constructor(promptName: string, selector: Selector, { field, hint }: { field: string; hint?: string }) {
    const isUnpublished = selector.kind === 'label' && selector.name === publishedLabel
    super('NOT_FOUND', `The prompt "${promptName}" has no ${nameOfSelector(selector)}.`, {
      field,
      ...(isUnpublished && hint !== undefined && { hint }),
    })
  }
}

/** Somebody else has written in between. */
export class StaleRevisionError extends DomainError {
  constructor(expected: number, current: number) {
    super('STALE_REVISION', `The draft is at revision ${current}; you expected ${expected}.`, {
      field: 'expectedRevision',
      currentRevision: current,
      hint: 'Read the draft again, make your change to what it is now, and pass its revision.',
    })
  }
}

export interface PromptsInput extends PageInput {
  search?: string | null | undefined
}

export function promptCursor({ name }: Prompt): string {
  return encodeCursor([name])
}

/** Prompts are listed by name, which is unique. */
export function readPromptPosition({ from, cursorField }: PageRequest): string | null {
  if (from === null) return null
  const [name] = from
  if (from.length !== 1 || typeof name !== 'string') throw brokenCursor(cursorField, from)
  return cleanText(name)
}

export function numberCursor(number: number): string {
  return encodeCursor([number])
}

/** Versions and moves are listed newest first, by their numbers. */
export function readNumberPosition({ from, cursorField }: PageRequest): number | null {
  if (from === null) return null
  const [number] = from
  if (from.length !== 1 || !Number.isSafeInteger(number)) throw brokenCursor(cursorField, from)
  return number as number
}

export function promptsTopic(tenantId: string): string {
  return `prompts/${tenantId}`
}
