import { compareDecimals } from '../decimal.ts'
import { InvalidInputError } from '../errors.ts'
import * as read from './filter-readers.ts'
import { containsJson } from './json-containment.ts'
import { type Trace, type TraceStatus, traceStatuses } from './trace.ts'

/**
 * Which traces are meant. All conditions of one filter hold together; what is null or absent is no condition. A value
 * that a trace hasn't got meets no condition, so that `not` lets such a trace through.
 * `trace-filter.repository.ts` says the same in SQL: a test compares the two.
 */
export interface TraceFilter {
  and?: readonly TraceFilter[] | null | undefined
  or?: readonly TraceFilter[] | null | undefined
  not?: TraceFilter | null | undefined
  ids?: readonly string[] | null | undefined
  /** Names of agents. */
  agents?: readonly string[] | null | undefined
  status?: readonly TraceStatus[] | null | undefined
  success?: boolean | null | undefined
  outcome?: string | null | undefined
  promptName?: string | null | undefined
  etag?: string | null | undefined
  model?: string | null | undefined
  provider?: string | null | undefined
  tagsAll?: readonly string[] | null | undefined
  tagsAny?: readonly string[] | null | undefined
  search?: string | null | undefined
  conversationId?: string | null | undefined
  runId?: string | null | undefined
  userId?: string | null | undefined
  startedAt?: Range<Date> | null | undefined
  durationMs?: Range<number> | null | undefined
  cost?: Range<string> | null | undefined
  totalTokens?: Range<number> | null | undefined
  /** A JSON object. */
  metadata?: unknown
}

export interface Range<Value> {
  gte?: Value | null | undefined
  lt?: Value | null | undefined
}

/** What of its row a filter may look at. */
export type FilterableRow = Pick<
  Trace,
  | 'id'
  | 'agent'
  | 'status'
  | 'success'
  | 'outcome'
  | 'promptName'
  | 'etag'
  | 'model'
  | 'provider'
  | 'tags'
  | 'conversationId'
  | 'runId'
  | 'userId'
  | 'startedAt'
  | 'durationMs'
  | 'cost'
  | 'totalTokens'
>

/** The wide parts are asked for only by filters that need them: behind getters, they may be read then. */
export interface FilterableTrace extends FilterableRow {
  /** As it was parsed; null where there is none. */
  readonly metadata: unknown
  isFoundBy(search: string): boolean
}

/** What a field of a filter asks for. */
export type Wanted<Field extends keyof TraceFilter> = NonNullable<TraceFilter[Field]>

const maxNesting = 10
const maxFilters = 100

const texts = read.listOf(read.text)
const readers: Record<Exclude<keyof TraceFilter, 'and' | 'or' | 'not'>, read.FilterReader> = {
  ids: texts,
  agents: texts,
  status: read.listOf(read.oneOf(traceStatuses)),
  success: read.flag,
  outcome: read.text,
  promptName: read.text,
  etag: read.text,
  model: read.text,
  provider: read.text,
  tagsAll: texts,
  tagsAny: texts,
  search: read.search,
  conversationId: read.text,
  runId: read.text,
  userId: read.text,
  startedAt: read.rangeOf(read.moment),
  durationMs: read.rangeOf(read.number),
  cost: read.rangeOf(read.decimal),
  totalTokens: read.rangeOf(read.wholeNumber),
  metadata: read.metadata,
}

/**
 * The filter as it is evaluated: without what is null, and its texts cleaned as stored ones are. Throws INVALID_INPUT
 * that names the place: `filter.and[0].search`.
 */
export function checkFilter(filter: TraceFilter, field = 'filter'): TraceFilter {
  let filters = 0

  function check(filter: TraceFilter, path: string, depth: number): TraceFilter {
    if (depth > maxNesting) throw new InvalidInputError(path, `Filters are nested up to ${maxNesting} deep; got more.`)
    if (++filters > maxFilters) {
      throw new InvalidInputError(
        path,
        `Up to ${maxFilters} filters go into one, those within others counted; got more.`,
      )
    }
    const checked = conditionsOf(filter).map(([name, wanted]) => [name, checkField(name, wanted, `${path}.${name}`)])
    return Object.fromEntries(checked)

    function checkField(name: keyof TraceFilter, wanted: unknown, at: string): unknown {
      if (name === 'not') return check(wanted as TraceFilter, at, depth + 1)
      if (name !== 'and' && name !== 'or') return readers[name](wanted, at)
      return (wanted as TraceFilter[]).map((each, index) => check(each, `${at}[${index}]`, depth + 1))
    }
  }

  return check(filter, field, 0)
}

type Conditions = { [Field in keyof TraceFilter]-?: (wanted: Wanted<Field>, trace: FilterableTrace) => boolean }

const conditions: Conditions = {
  and: (filters, trace) => filters.every((filter) => matchesFilter(filter, trace)),
  or: (filters, trace) => filters.some((filter) => matchesFilter(filter, trace)),
  not: (filter, trace) => !matchesFilter(filter, trace),
  ids: (ids, { id }) => ids.includes(id),
  agents: (agents, { agent }) => agent !== null && agents.includes(agent),
  status: (statuses, { status }) => statuses.includes(status),
  success: (wanted, { success }) => success === wanted,
  outcome: (wanted, { outcome }) => outcome === wanted,
  promptName: (wanted, { promptName }) => promptName === wanted,
  etag: (wanted, { etag }) => etag === wanted,
  model: (wanted, { model }) => model === wanted,
  provider: (wanted, { provider }) => provider === wanted,
  tagsAll: (wanted, { tags }) => wanted.every((tag) => tags.includes(tag)),
  tagsAny: (wanted, { tags }) => wanted.some((tag) => tags.includes(tag)),
  search: (wanted, trace) => trace.isFoundBy(wanted),
  conversationId: (wanted, { conversationId }) => conversationId === wanted,
  runId: (wanted, { runId }) => runId === wanted,
  userId: (wanted, { userId }) => userId === wanted,
  startedAt: (range, { startedAt }) => isWithin(range, startedAt, (a, b) => a.getTime() - b.getTime()),
  durationMs: (range, { durationMs }) => isWithin(range, durationMs, (a, b) => a - b),
  cost: (range, { cost }) => isWithin(range, cost, compareDecimals),
  totalTokens: (range, { totalTokens }) => isWithin(range, totalTokens, (a, b) => a - b),
  metadata: (wanted, { metadata }) => containsJson(metadata, wanted),
}

export function matchesFilter(filter: TraceFilter, trace: FilterableTrace): boolean {
  return conditionsOf(filter).every(([field, wanted]) => {
    const condition = conditions[field] as (wanted: unknown, trace: FilterableTrace) => boolean
    return condition(wanted, trace)
  })
}

/** The fields that are conditions, and what they ask for. */
export function conditionsOf(filter: TraceFilter): [keyof TraceFilter, unknown][] {
  const given = Object.entries(filter) as [keyof TraceFilter, unknown][]
  return given.filter(([, wanted]) => (wanted ?? null) !== null)
}

/**
 * A list may be driven by what a search finds, if every trace of it must be found: of such searches the longest, which
 * mostly finds the fewest, and the filter without it. Null: there is none.
 */
export function takeSearch({ search, ...filter }: TraceFilter): { search: string; rest: TraceFilter } | null {
  const and = filter.and ?? []
  const own = (search ?? null) === null ? [] : [{ search: search as string, rest: filter }]
  const within = and.flatMap((each, index) => {
    const taken = takeSearch(each)
    return taken ? [{ search: taken.search, rest: { ...filter, search, and: and.with(index, taken.rest) } }] : []
  })
  return [...own, ...within].sort((a, b) => b.search.length - a.search.length)[0] ?? null
}

/** What filters ask of the contents of traces, anywhere in them. */
export function contentAskedBy(filter: TraceFilter): { searches: string[]; metadata: boolean } {
  const asked = partsOf(filter).map(contentAskedBy)
  return {
    searches: [...(filter.search ? [filter.search] : []), ...asked.flatMap(({ searches }) => searches)],
    metadata: (filter.metadata ?? null) !== null || asked.some(({ metadata }) => metadata),
  }
}

/** Met by every row whose trace may meet the filter, whatever its contents are. */
export function withoutContent({ search: _, metadata: __, ...filter }: TraceFilter): TraceFilter {
  const { and, or, not } = filter
  return {
    ...filter,
    ...(and && { and: and.map(withoutContent) }),
    ...(or && { or: or.map(withoutContent) }),
    // What must not be in the contents may be there or not.
    ...(not && { not: asksForContent(not) ? null : not }),
  }
}

export function asksForContent(filter: TraceFilter): boolean {
  const { searches, metadata } = contentAskedBy(filter)
  return metadata || searches.length > 0
}

function partsOf({ and, or, not }: TraceFilter): TraceFilter[] {
  return [...(and ?? []), ...(or ?? []), ...(not ? [not] : [])]
}

function isWithin<Value>(
  { gte, lt }: Range<Value>,
  value: Value | null,
  compare: (a: Value, b: Value) => number,
): boolean {
  const [min, max] = [gte ?? null, lt ?? null]
  if (min === null && max === null) return true
  if (value === null) return false
  return (min === null || compare(value, min) >= 0) && (max === null || compare(value, max) < 0)
}
