import fc from 'fast-check'
import { merge, spanContentRules, spanRules, traceContentRules, traceRules } from '../../src/traces/merge.ts'
import type { Batch, SpanContentRecord, SpanRecord, TraceContentRecord, TraceRecord } from '../../src/traces/record.ts'

/** One thing that a client says: of a trace, and of one of its spans. */
export interface Said {
  trace: TraceRecord
  content?: TraceContentRecord
  span?: SpanRecord
  spanContent?: SpanContentRecord
}

function optional<Given extends object>(fields: { [Field in keyof Given]: fc.Arbitrary<Given[Field]> }) {
  return fc.record(fields, { requiredKeys: [] })
}

const words = fc.constantFrom('a', 'b', 'bb', 'ä', 'é', '東', '💥', 'nobody knows')
const moments = fc.integer({ min: 0, max: 50 }).map((s) => new Date(Date.UTC(2026, 0, 1, 0, 0, s)).toISOString())
const json = fc.constantFrom<unknown>(1, 'x', 'y', [1, 2], { deep: ['x'] }, false, 'longer than others')
const course = {
  status: fc.integer({ min: 0, max: 3 }),
  errorMessage: words,
  startedAt: moments,
  endedAt: moments,
  durationMs: fc.integer({ min: 0, max: 5 }),
  model: words,
  inputTokens: fc.integer({ min: 0, max: 5 }),
  outputTokens: fc.integer({ min: 0, max: 5 }),
  totalTokens: fc.integer({ min: 0, max: 9 }),
  cost: fc.constantFrom('0', '0.5', '0.25', '12'),
}
export const said: fc.Arbitrary<Said> = fc
  .record({
    traceId: fc.constantFrom('one', 'two', 'drei'),
    spanId: fc.option(fc.constantFrom('1', '2', '3', '4'), { nil: undefined, freq: 5 }),
    trace: optional({
      ...course,
      agent: words,
      name: words,
      success: fc.boolean(),
      outcome: words,
      tags: fc.uniqueArray(words, { maxLength: 3 }).map((tags) => [...tags].sort()),
    }),
    content: fc.option(optional({ metadata: fc.dictionary(words, json, { maxKeys: 3 }), output: json }), {
      nil: undefined,
    }),
    name: words,
    span: optional({ ...course, parentId: fc.constantFrom('1', '2', 'gone'), kind: fc.integer({ min: 0, max: 7 }) }),
    spanContent: fc.option(optional({ input: json, attributes: fc.dictionary(words, json, { maxKeys: 2 }) }), {
      nil: undefined,
    }),
  })
  .map(({ traceId, spanId, trace, content, name, span, spanContent }) => ({
    trace: { id: traceId, ...trace },
    ...(content && { content: { traceId, ...content } }),
    ...(spanId && { span: { traceId, id: spanId, name, ...span } }),
    ...(spanId && spanContent && { spanContent: { traceId, spanId, ...spanContent } }),
  }))

export function shuffled<Item>(items: Item[], seed: number): Item[] {
  return items
    .map((item, index) => ({ item, at: Math.sin((index + 1) * (seed + 1)) }))
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item)
}

/** As `readTraces` does it: what one request says twice is merged before it is stored. */
export function batchesOf(all: readonly Said[], size: number): Batch[] {
  const batches: Batch[] = []
  for (let start = 0; start < all.length; start += size) batches.push(mergedOf(all.slice(start, start + size)))
  return batches
}

export function mergedOf(all: readonly Said[]): Batch {
  return {
    traces: collect(
      all.map(({ trace }) => trace),
      ({ id }) => id,
      traceRules,
    ),
    traceContents: collect(
      all.flatMap(({ content }) => content ?? []),
      ({ traceId }) => traceId,
      traceContentRules,
    ),
    spans: collect(
      all.flatMap(({ span }) => span ?? []),
      ({ traceId, id }) => `${traceId}/${id}`,
      spanRules,
    ),
    spanContents: collect(
      all.flatMap(({ spanContent }) => spanContent ?? []),
      ({ traceId, spanId }) => `${traceId}/${spanId}`,
      spanContentRules,
    ),
  }
}

function collect<Given extends object>(
  all: Given[],
  keyOf: (given: Given) => string,
  rules: Parameters<typeof merge>[0],
) {
  const known = new Map<string, Given>()
  for (const each of all) {
    const former = known.get(keyOf(each))
    known.set(keyOf(each), former ? merge(rules, former, each) : each)
  }
  return [...known.values()]
}
