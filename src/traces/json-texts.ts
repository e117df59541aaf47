/**
 * The strings and numbers of a JSON text in their order, without the keys. It reads the text and not its value, so
 * that no depth is too deep, and a text that is cut off anywhere still gives what stands before the cut.
 */
export function textsOfJson(json: string): string[] {
  const texts: string[] = []
  let position = 0
  while (position < json.length) {
    const start = json.indexOf('"', position)
    addNumbers(json.slice(position, start < 0 ? json.length : start), texts)
    if (start < 0) break
    const end = endOfString(json, start + 1)
    position = end + 1
    if (!isKey(json, position)) texts.push(unescaped(json.slice(start + 1, end)))
  }
  return texts
}

function addNumbers(between: string, texts: string[]): void {
  texts.push(...(between.match(/-?\d[\d.eE+-]*/g) ?? []))
}

/** Where its closing quote is, or the end of the text. */
function endOfString(json: string, start: number): number {
  for (let end = json.indexOf('"', start); end >= 0; end = json.indexOf('"', end + 1)) {
    let backslashes = 0
    while (json[end - 1 - backslashes] === '\\') backslashes++
    if (backslashes % 2 === 0) return end
  }
  return json.length
}

function isKey(json: string, position: number): boolean {
  let next = position
  while (json[next] === ' ' || json[next] === '\n' || json[next] === '\r' || json[next] === '\t') next++
  return json[next] === ':'
}

function unescaped(text: string): string {
  if (!text.includes('\\')) return text
  // A cut may have gone through an escape.
  const whole = text.replace(/(?<!\\)((?:\\\\)*)\\(?:u[\da-f]{0,3})?$/i, '$1')
  try {
    return JSON.parse(`"${whole}"`)
  } catch {
    return whole
  }
}
