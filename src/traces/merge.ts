import { compareDecimals } from '../decimal.ts'
import type { SpanContentRecord, SpanRecord, TraceContentRecord, TraceRecord } from './record.ts'
import { compareText } from './text-order.ts'

/**
 * What is known of a trace or a span is the merge of all that was ever said of it, in whatever order, however often and
 * in however many pieces it came. Each field has a rule that is commutative, associative and idempotent; silence says
 * nothing. Where two records contradict each other, the later, the greater or the fuller value stays: a start record's
 * model "gpt-4o" gives way to the end record's "gpt-4o-2024-08-06", half an output to the whole.
 *
 * The tables merge by the same rules (`ingest.repository.ts` makes the SQL of them), so that concurrent batches meet
 * there; here they merge what one request says twice. A property test holds the two equal.
 */
export type MergeRule = 'least' | 'greatest' | 'fuller' | 'fullerJson' | 'object' | 'tags'

type Rules<Given> = { readonly [Field in keyof Given]-?: MergeRule }

const usageRules = {
  model: 'fuller',
  provider: 'fuller',
  inputTokens: 'greatest',
  outputTokens: 'greatest',
  totalTokens: 'greatest',
  cachedInputTokens: 'greatest',
  reasoningTokens: 'greatest',
  cost: 'greatest',
} as const

const courseRules = {
  // RUNNING < COMPLETED < TIMED_OUT < FAILED: an end beats the way there, and a failure anywhere is one.
  status: 'greatest',
  errorMessage: 'fuller',
  startedAt: 'least',
  endedAt: 'greatest',
  durationMs: 'greatest',
} as const

export const spanRules: Rules<Omit<SpanRecord, 'traceId' | 'id'>> = {
  parentId: 'fuller',
  kind: 'greatest',
  name: 'fuller',
  ...courseRules,
  ...usageRules,
}

export const spanContentRules: Rules<Omit<SpanContentRecord, 'traceId' | 'spanId'>> = {
  input: 'fullerJson',
  output: 'fullerJson',
  attributes: 'object',
}

export const traceRules: Rules<Omit<TraceRecord, 'id'>> = {
  agent: 'fuller',
  name: 'fuller',
  promptName: 'fuller',
  etag: 'fuller',
  success: 'least',
  outcome: 'fuller',
  ...courseRules,
  ...usageRules,
  tags: 'tags',
  conversationId: 'fuller',
  runId: 'fuller',
  userId: 'fuller',
}

export const traceContentRules: Rules<Omit<TraceContentRecord, 'traceId'>> = {
  modelConfig: 'fullerJson',
  metadata: 'object',
  manifest: 'fullerJson',
  variables: 'fullerJson',
  messages: 'fullerJson',
  output: 'fullerJson',
  tools: 'fullerJson',
  toolChoice: 'fullerJson',
}

export function merge<Given extends object>(
  rules: Readonly<Record<string, MergeRule>>,
  one: Given,
  other: Given,
): Given {
  const merged = { ...one } as Record<string, unknown>
  for (const [field, value] of Object.entries(other)) {
    const rule = rules[field]
    // Without a rule it is part of the key, and the same on both sides.
    if (rule === undefined || value === undefined) continue
    const known = merged[field]
    merged[field] = known === undefined ? value : mergeValues[rule](known, value)
  }
  return merged as Given
}

// biome-ignore lint/suspicious/noExplicitAny: each rule stands at fields of its own type.
const mergeValues: Record<MergeRule, (one: any, other: any) => unknown> = {
  least: (one, other) => (compare(one, other) <= 0 ? one : other),
  greatest: (one, other) => (compare(one, other) >= 0 ? one : other),
  fuller,
  fullerJson: (one, other) => JSON.parse(fuller(JSON.stringify(one), JSON.stringify(other))),
  object: mergeObjects,
  tags: (one: string[], other: string[]) => sortedTags([...one, ...other]),
}

export function sortedTags(tags: readonly string[]): string[] {
  return [...new Set(tags)].sort(compareText)
}

/** Moments are texts that sort as time does; other texts that are compared are money. */
function compare(one: string | number | boolean, other: string | number | boolean): number {
  if (typeof one !== 'string') return Number(one) - Number(other)
  if (one.endsWith('Z')) return one < String(other) ? -1 : Number(one > String(other))
  return compareDecimals(one, String(other))
}

function fuller(one: string, other: string): string {
  const difference = Buffer.byteLength(one) - Buffer.byteLength(other)
  return difference > 0 || (difference === 0 && compareText(one, other) >= 0) ? one : other
}

function mergeObjects(one: object, other: object): object {
  const merged = new Map(Object.entries(one))
  for (const [key, value] of Object.entries(other)) {
    merged.set(
      key,
      merged.has(key) ? JSON.parse(fuller(JSON.stringify(merged.get(key)), JSON.stringify(value))) : value,
    )
  }
  return Object.fromEntries(merged)
}
