import { randomBytes } from 'node:crypto'

/**
 * JSON that goes through as the text it came as: what PostgreSQL holds is neither parsed nor written again on its way
 * to the client, and may be nested deeper than `JSON.stringify` can follow. Whoever writes an answer out calls
 * `stringify`; any other `JSON.stringify` sees the parsed value.
 *
 * While `stringify` runs, each RawJson leaves a mark and is put in its place afterwards. A mark holds a secret of the
 * process and the number of the call: nobody's text can stand for one, not even that of somebody who saw one before.
 */
export class RawJson {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  toJSON(): unknown {
    if (!writing) return JSON.parse(this.text)
    return markOf(writing, writing.texts.push(this.text) - 1)
  }
}

interface Writing {
  call: number
  texts: string[]
}

const secret = randomBytes(16).toString('hex')
let calls = 0
let writing: Writing | null = null

function markOf({ call }: Writing, index: number): string {
  return `raw:${secret}:${call}:${index}`
}

/** `JSON.stringify`, with the texts of every RawJson within put in as they are, and always on one line. */
export function stringify(value: unknown): string {
  const outer = writing
  const own: Writing = { call: calls++, texts: [] }
  writing = own
  try {
    return splice(JSON.stringify(value), own)
  } finally {
    writing = outer
  }
}

/** Marks stand in the text in the order in which they were made. */
function splice(text: string, own: Writing): string {
  let spliced = ''
  let from = 0
  for (const [index, raw] of own.texts.entries()) {
    const mark = `"${markOf(own, index)}"`
    const at = text.indexOf(mark, from)
    if (at < 0) throw new Error('a RawJson was asked for its JSON and left out of the text')
    spliced += text.slice(from, at) + onOneLine(raw)
    from = at + mark.length
  }
  return from === 0 ? text : spliced + text.slice(from)
}

/** A line break would end an event of a stream early. In JSON it can only stand between values, as a space can. */
function onOneLine(json: string): string {
  return json.includes('\n') || json.includes('\r') ? json.replace(/[\r\n]+/g, ' ') : json
}
