/** As people count them: an emoji is one. */
export function countCharacters(text: string): number {
  return [...text].length
}

/** Counts only what may be short enough: a text may have megabytes. */
export function isLongerThan(text: string, maxCharacters: number): boolean {
  if (text.length <= maxCharacters) return false
  return text.length > 2 * maxCharacters || countCharacters(text) > maxCharacters
}
