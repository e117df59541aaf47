/** What came, for the message of an error: not followed anywhere, for it may be large, or deeper than a stack. */
export function shown(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  if (typeof value === 'string') return JSON.stringify(cut(value))
  if (value instanceof Date) return JSON.stringify(value)
  if (typeof value !== 'object') return String(value)
  return Array.isArray(value) ? `a list of ${value.length}` : 'an object'
}

export function cut(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}
