import { randomBytes } from 'node:crypto'
import { type Answer, requestOf } from './connection.ts'
import { createRandom, type Random } from './random.ts'
import { makeSpans } from './trace-shape.ts'

const tracesPerBatch = 4
const spansPerTrace = 25
export const spansPerBatch = tracesPerBatch * spansPerTrace

/** Of input, output and attributes: with its ids, names and numbers a span then takes 1.9 KB. */
const contentBytes = 1_850
/** So many different ones take turns. */
const templateCount = 16

/** Requests that write the same batches whatever they are sent to: `wrap` makes the body, `headers` say who sends it. */
export function createBatches(path: string, headers: Record<string, string>, wrap = (batch: string) => batch) {
  const templates = Array.from({ length: templateCount }, (_, index) => {
    const random = createRandom(index + 1)
    return createTemplate(requestOf(path, wrap(JSON.stringify(makeBatch(random))), headers))
  })
  let count = 0
  return {
    next(): Buffer {
      return fill(templates[count++ % templateCount] as Template)
    },
    bytesPerRequest: Math.round(templates.reduce((sum, { request }) => sum + request.length, 0) / templateCount),
  }
}

export function requireAccepted({ status, body }: Answer): void {
  if (status === 200 && body.includes('"rejected":0')) return
  throw new Error(`a batch was answered with ${status}: ${body.toString('utf8').slice(0, 1_000)}`)
}

/** A request in which every id of a trace or span has a fixed place and length, to be overwritten with a fresh one. */
interface Template {
  request: Buffer
  ids: { places: number[]; length: number }[]
}

const traceMark = (index: number) => `trace@${index}@`.padEnd(32, '@')
const spanMark = (index: number) => `span@${index}@`.padEnd(16, '@')

function makeBatch(random: Random) {
  let spans = 0
  const traces = Array.from({ length: tracesPerBatch }, (_, index) => ({
    id: traceMark(index),
    agent: random.pickSkewed(['support-triage', 'research', 'code-review', 'billing']),
    name: 'conversation',
    userId: `user-${random.whole(1, 5_000)}`,
    conversationId: random.hex(16),
    tags: ['production'],
    spans: makeSpans(random, { spans: spansPerTrace, depth: 5, contentBytes }, () => spanMark(spans++)),
  }))
  return { traces }
}

function createTemplate(request: Buffer): Template {
  const ids = new Map<string, { places: number[]; length: number }>()
  // Read as one byte a character, so that what is found is where it is.
  for (const { 0: mark, index } of request.toString('latin1').matchAll(/(?:trace|span)@\d+@+/g)) {
    const known = ids.get(mark)
    if (known) known.places.push(index)
    else ids.set(mark, { places: [index], length: mark.length })
  }
  return { request, ids: [...ids.values()] }
}

function fill({ request, ids }: Template): Buffer {
  const filled = Buffer.from(request)
  const fresh = Buffer.from(randomBytes(tracesPerBatch * 16 + spansPerBatch * 8).toString('hex'), 'latin1')
  let taken = 0
  for (const { places, length } of ids) {
    for (const place of places) fresh.copy(filled, place, taken, taken + length)
    taken += length
  }
  return filled
}
