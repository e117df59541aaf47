import { LimitError } from '../errors.ts'
import { newId } from '../ids.ts'
import { cut, shown } from '../shown.ts'
import {
  code,
  count,
  duration,
  flag,
  json,
  moment,
  money,
  object,
  type Reader,
  tags,
  text,
  Wrong,
} from './input-readers.ts'
import { merge, spanContentRules, spanRules, traceContentRules, traceRules } from './merge.ts'
import type { Batch, SpanContentRecord, SpanRecord, TraceContentRecord, TraceRecord } from './record.ts'
import { spanKinds } from './span.ts'
import { traceStatuses } from './trace.ts'

/**
 * Reads what a client sends: every trace becomes records, or problems with their places. Both doors come here, so both
 * have the same rules. A trace with a problem anywhere is left out whole; the others don't suffer.
 */
export interface ReadBatch extends Batch {
  /** Of the accepted traces, in the order given, each once. */
  traceIds: string[]
  accepted: number
  rejected: number
  problems: IngestProblem[]
}

export interface IngestProblem {
  /** Of the trace in the list that was sent. */
  index: number
  traceId: string | null
  spanId: string | null
  /** `traces[3].spans[1].startedAt` */
  path: string
  code: 'INVALID_INPUT'
  message: string
}

/** So many are told of; more are the same mistake again. */
const maxProblems = 1_000

const id = text(200, 1)
const label = text(200)
const words = text(1_000)
const courseReaders = {
  status: code(traceStatuses),
  errorMessage: text(100_000),
  startedAt: moment,
  endedAt: moment,
  durationMs: duration,
  model: label,
  provider: label,
  inputTokens: count,
  outputTokens: count,
  totalTokens: count,
  cachedInputTokens: count,
  reasoningTokens: count,
  cost: money,
}

const spanReaders = readers<SpanRecord>({
  id,
  parentId: id,
  kind: code(spanKinds),
  name: words,
  ...courseReaders,
})
const spanContentReaders = readers<SpanContentRecord>({ input: json, output: json, attributes: object })
const traceReaders = readers<TraceRecord>({
  id,
  agent: text(200, 1),
  name: words,
  promptName: label,
  etag: label,
  success: flag,
  outcome: label,
  tags,
  conversationId: label,
  runId: label,
  userId: label,
  ...courseReaders,
})
const traceContentReaders = readers<TraceContentRecord>({
  modelConfig: json,
  metadata: object,
  manifest: json,
  variables: json,
  messages: json,
  output: json,
  tools: json,
  toolChoice: json,
})

/** Throws PAYLOAD_TOO_LARGE before anything is read that would not be stored. */
export function readTraces(given: readonly unknown[], maxSpans: number): ReadBatch {
  checkSize(given, maxSpans)
  const problems: IngestProblem[] = []
  const traces = new Map<string, TraceRecord>()
  const traceContents = new Map<string, TraceContentRecord>()
  const spans = new Map<string, SpanRecord>()
  const spanContents = new Map<string, SpanContentRecord>()
  let accepted = 0
  for (const [index, value] of given.entries()) {
    const reading = new TraceReading(index)
    const { trace, content, spans: read } = reading.read(value)
    problems.push(...reading.problems.slice(0, maxProblems - problems.length))
    if (reading.problems.length > 0) continue
    accepted++
    put(traces, trace.id, trace, traceRules)
    if (content) put(traceContents, content.traceId, content, traceContentRules)
    for (const each of read) {
      // No id holds a NUL: two of them can't be mistaken for two others.
      const key = `${trace.id}\0${each.span.id}`
      put(spans, key, each.span, spanRules)
      if (each.content) put(spanContents, key, each.content, spanContentRules)
    }
  }
  return {
    traces: [...traces.values()],
    traceContents: [...traceContents.values()],
    spans: [...spans.values()],
    spanContents: [...spanContents.values()],
    traceIds: [...traces.keys()],
    accepted,
    rejected: given.length - accepted,
    problems,
  }
}

function checkSize(given: readonly unknown[], max: number): void {
  const spans = given.reduce((sum: number, trace) => {
    const { spans } = (trace ?? {}) as { spans?: unknown }
    return sum + (Array.isArray(spans) ? spans.length : 0)
  }, 0)
  for (const [what, number] of [
    ['spans', spans],
    ['traces', given.length],
  ] as const) {
    if (number <= max) continue
    throw new LimitError(
      'PAYLOAD_TOO_LARGE',
      `A request may bring ${max} ${what}; ${number} came. Nothing was stored.`,
      {
        limit: 'TRACEMEND_MAX_INGEST_SPANS',
        max,
        field: 'traces',
        hint: 'Send a large trace in several requests: its pieces meet, in whatever order they come.',
      },
    )
  }
}

function put<Given extends object>(
  known: Map<string, Given>,
  key: string,
  record: Given,
  rules: Parameters<typeof merge>[0],
): void {
  const former = known.get(key)
  known.set(key, former ? merge(rules, former, record) : record)
}

/** One trace of the list, and what is wrong with it. */
class TraceReading {
  readonly problems: IngestProblem[] = []
  readonly #index: number
  #traceId: string | null = null
  #spanId: string | null = null

  constructor(index: number) {
    this.#index = index
  }

  read(value: unknown) {
    const path = `traces[${this.#index}]`
    const { id: givenId, spans, ...given } = this.#isRecord(value, path) ? value : {}
    const traceId = (givenId ?? null) === null ? newId('tr') : id(givenId)
    this.#traceId = typeof traceId === 'string' ? traceId : null
    if (traceId instanceof Wrong) this.#complain(`${path}.id`, traceId, givenId)
    const { record, content } = this.#split(given, [traceReaders, traceContentReaders], path)
    const known = { traceId: traceId as string }
    return {
      trace: { id: known.traceId, ...record } as TraceRecord,
      content: content && ({ ...known, ...content } as TraceContentRecord),
      spans: this.#readSpans(spans, `${path}.spans`, known.traceId),
    }
  }

  #readSpans(spans: unknown, path: string, traceId: string) {
    if ((spans ?? null) === null) return []
    if (!Array.isArray(spans)) {
      this.#complain(path, new Wrong('a list of spans'), spans)
      return []
    }
    return spans.flatMap((value, index) => {
      const at = `${path}[${index}]`
      if (!this.#isRecord(value, at)) return []
      // One that is no id may have megabytes, and each of a thousand problems would name it.
      const spanId = id(value.id)
      this.#spanId = typeof spanId === 'string' ? spanId : null
      const { record, content } = this.#split(value, [spanReaders, spanContentReaders], at)
      for (const field of ['id', 'name']) {
        if ((value[field] ?? null) === null) this.#complain(`${at}.${field}`, new Wrong('a text'), value[field])
      }
      const span = { traceId, ...record } as SpanRecord
      this.#spanId = null
      return [{ span, content: content && ({ traceId, spanId: span.id, ...content } as SpanContentRecord) }]
    })
  }

  /** Narrow fields and wide ones; the latter only if there are any. What is null says nothing. */
  #split(given: Record<string, unknown>, [narrow, wide]: readonly [Readers, Readers], path: string) {
    const record: Record<string, unknown> = {}
    let content: Record<string, unknown> | undefined
    for (const field of Object.keys(given)) {
      const value = given[field]
      if (value === null || value === undefined) continue
      const reader = narrow.get(field)
      const read = (reader ?? wide.get(field) ?? noSuchField)(value)
      if (read instanceof Wrong) this.#complain(`${path}.${cut(field)}`, read, value)
      else if (reader) record[field] = read
      else {
        content ??= {}
        content[field] = read
      }
    }
    return { record, content }
  }

  #isRecord(value: unknown, path: string): value is Record<string, unknown> {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return true
    this.#complain(path, new Wrong('an object'), value)
    return false
  }

  #complain(path: string, { expected }: Wrong, got: unknown): void {
    this.problems.push({
      index: this.#index,
      traceId: this.#traceId,
      spanId: this.#spanId,
      path,
      code: 'INVALID_INPUT',
      message: `${path} expects ${expected}; got ${shown(got)}.`,
    })
  }
}

type Readers = ReadonlyMap<string, Reader>

function readers<Given>(table: { [Field in keyof Given]?: Reader }): Readers {
  return new Map(Object.entries(table) as [string, Reader][])
}

const noSuchField: Reader = () => new Wrong('nothing: there is no such field')
