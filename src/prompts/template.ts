import { cut, shown } from '../shown.ts'

/**
 * `{{ a.path }}` is replaced by a value, and `{{ "{{" }}` by the two braces themselves; nothing else is special. It is
 * one pass from left to right: what is put in is never read as a template again. Time goes by length, also where a
 * template is broken.
 */
export interface Template {
  parts: (string | Path)[]
  paths: Path[]
}

/** A variable, then keys of objects and indexes of lists. */
export type Path = string[]

export class TemplateError extends Error {
  readonly offset: number

  constructor(message: string, offset: number) {
    super(message)
    this.offset = offset
  }
}

/** More is to be put in than there is room for. */
export class NoRoomError extends Error {}

export interface Rendering {
  /** Only its own properties are read. */
  values: Record<string, unknown>
  /** Filled with the dotted paths that lead to nothing. */
  missing: Set<string>
  /** How many characters may still be written: counted down. */
  room: number
}

const placeholder = /\{\{\s*(?:([A-Za-z_][A-Za-z0-9_]*(?:\.[\p{L}\p{N}_-]+)*)|"\{\{")\s*\}\}/uy

export function parseTemplate(text: string): Template {
  const parts: (string | Path)[] = []
  const paths: Path[] = []
  let position = 0
  for (let open = text.indexOf('{{'); open >= 0; open = text.indexOf('{{', position)) {
    placeholder.lastIndex = open
    const match = placeholder.exec(text)
    if (match === null) throw brokenAt(text, open)
    if (open > position) parts.push(text.slice(position, open))
    position = open + match[0].length
    if (match[1] === undefined) {
      parts.push('{{')
      continue
    }
    const path = match[1].split('.')
    parts.push(path)
    paths.push(path)
  }
  if (position < text.length) parts.push(text.slice(position))
  return { parts, paths }
}

/** A template that renders exactly this text. */
export function escapeTemplate(text: string): string {
  return text.replaceAll('{{', '{{ "{{" }}')
}

/** Throws NoRoomError before a text is built that is too long. */
export function renderTemplate(template: Template, rendering: Rendering): string {
  let text = ''
  for (const part of template.parts) {
    const piece = typeof part === 'string' ? part : textAt(part, rendering)
    rendering.room -= piece.length
    if (rendering.room < 0) throw new NoRoomError()
    text += piece
  }
  return text
}

/** Where in a text this is, as people count: from 1, the column in UTF-16 units. */
export function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset)
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') }
}

function textAt(path: Path, { values, missing }: Rendering): string {
  const value = valueAt(path, values)
  if (value === undefined || value === null) {
    missing.add(path.join('.'))
    return ''
  }
  if (typeof value === 'string') return value
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function valueAt(path: Path, values: object): unknown {
  let value: unknown = values
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    // The one own property of a list that isn't in it.
    if (key === 'length' && Array.isArray(value)) return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return value
}

function brokenAt(text: string, offset: number): TemplateError {
  const end = text.indexOf('}}', offset)
  const got = cut(text.slice(offset, end < 0 ? text.length : end + 2))
  return new TemplateError(
    `Expected a path in double braces, as {{ user.name }}, or {{ "{{" }} for the braces themselves; got ${shown(got)}.`,
    offset,
  )
}
