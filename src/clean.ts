/**
 * What PostgreSQL refuses in a text is replaced, not refused: NUL, and halves of characters (lone surrogates), which
 * JSON can carry and UTF-8 can't. What comes in and what is asked for are cleaned alike, so that both still meet.
 */
const replacement = '\uFFFD'

/** Deeper than anything that is written for a purpose, and within every stack on the way. */
export const maxJsonDepth = 500

export class JsonTooDeepError extends Error {}

/** `1e400` is JSON, but a number here has 64 bits: it would be written as null. */
export class JsonNumberError extends Error {}

export function cleanText(text: string): string {
  return isClean(text) ? text : text.toWellFormed().replaceAll('\0', replacement)
}

/** The same value where it is clean, which it nearly always is; else a copy. Throws the errors above. */
export function cleanJson(value: unknown, depth = maxJsonDepth): unknown {
  if (typeof value === 'string') return cleanText(value)
  if (typeof value === 'number' && !Number.isFinite(value)) throw new JsonNumberError()
  if (typeof value !== 'object' || value === null) return value
  if (depth === 0) throw new JsonTooDeepError()
  return Array.isArray(value) ? cleanList(value, depth - 1) : cleanObject(value, depth - 1)
}

function cleanList(list: unknown[], depth: number): unknown[] {
  let copy: unknown[] | undefined
  for (let index = 0; index < list.length; index++) {
    const cleaned = cleanJson(list[index], depth)
    if (cleaned !== list[index]) {
      copy ??= [...list]
      copy[index] = cleaned
    }
  }
  return copy ?? list
}

function cleanObject(object: object, depth: number): object {
  const entries = Object.entries(object)
  let changed = false
  for (const entry of entries) {
    const key = cleanText(entry[0])
    const cleaned = cleanJson(entry[1], depth)
    if (key === entry[0] && cleaned === entry[1]) continue
    changed = true
    entry[0] = key
    entry[1] = cleaned
  }
  // Not by assignment: a key may be "__proto__".
  return changed ? Object.fromEntries(entries) : object
}

function isClean(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}
