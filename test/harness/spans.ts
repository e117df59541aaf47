import fc from 'fast-check'
import { type Span, spanKinds } from '../../src/traces/span.ts'
import { costSources, traceStatuses } from '../../src/traces/trace.ts'

const epoch = Date.UTC(2026, 10, 21)

/** A span as it is read from the tables; what a test doesn't say is silence. */
export function makeSpan(given: Partial<Span> & { id: string }): Span {
  return {
    traceId: 'a trace',
    parentId: null,
    kind: 'OTHER',
    name: given.id,
    status: 'RUNNING',
    errorMessage: null,
    startedAt: new Date(epoch),
    endedAt: null,
    durationMs: null,
    model: null,
    provider: null,
    inputTokens: null,
    outputTokens: null,
    totalTokens: null,
    cachedInputTokens: null,
    reasoningTokens: null,
    cost: null,
    costSource: 'UNPRICED',
    ...given,
  }
}

/** In byte order, which is not that of JavaScript: 🙂 is written with units below U+E000. */
const someIds = ['', 'a', 'a ', 'aa', 'b', 'é', '\ud7ff', '\ue000', '\uffff', '🙂', '🙂b', '🚀'] as const
const someCosts = ['0', '0.1', '0.000000000000000001', '12.50', '999999999999.999999999999999999'] as const
const tokens = fc.option(fc.integer({ min: 0, max: 2_147_483_647 }))
const text = fc.option(fc.string({ unit: 'binary' }))

/** Spans of one trace with each other, nobody and themselves as parents; many start together. */
export const someSpans: fc.Arbitrary<Span[]> = fc.uniqueArray(
  fc.record({
    id: fc.constantFrom(...someIds),
    traceId: fc.constant('a trace'),
    parentId: fc.option(fc.constantFrom(...someIds, 'nobody')),
    kind: fc.constantFrom(...spanKinds),
    name: fc.string({ unit: 'binary' }),
    status: fc.constantFrom(...traceStatuses),
    errorMessage: text,
    startedAt: fc.constantFrom(0, 1, 2, -62_135_596_800_000, 253_402_300_799_999).map((ms) => new Date(ms)),
    endedAt: fc.option(fc.date({ noInvalidDate: true })),
    durationMs: fc.option(fc.double({ min: 0, max: 1e15, noNaN: true })),
    model: text,
    provider: text,
    inputTokens: tokens,
    outputTokens: tokens,
    totalTokens: tokens,
    cachedInputTokens: tokens,
    reasoningTokens: tokens,
    cost: fc.option(fc.constantFrom(...someCosts)),
    costSource: fc.constantFrom(...costSources),
  }),
  { selector: ({ id }) => id },
)
