import type { Pool } from 'pg'
import type { PageRequest } from '../page.ts'
import { createFrequentConditions } from './frequent-conditions.ts'
import type { Trace } from './trace.ts'
import { whereOf } from './trace-filter.repository.ts'
import { type TraceFilter, takeSearch } from './trace-filter.ts'
import { readPosition, type TraceOrder, type TraceOrderField, type TracePosition } from './trace-order.ts'
import { toTrace, traceColumns } from './trace-row.repository.ts'
import { findSearchCandidates } from './trace-search.repository.ts'

export type TraceListRepository = ReturnType<typeof createTraceListRepository>

export interface TraceList {
  filter: TraceFilter
  order: TraceOrder
  page: PageRequest
}

const orderColumns: Record<TraceOrderField, { column: string; type: string; isAlwaysKnown?: boolean }> = {
  STARTED_AT: { column: 't.started_at', type: 'timestamptz', isAlwaysKnown: true },
  DURATION: { column: 't.duration_ms', type: 'float8' },
  COST: { column: 't.cost', type: 'numeric' },
  TOTAL_TOKENS: { column: 't.total_tokens', type: 'bigint' },
}

/** More are so common that a walk in the list's order soon meets enough of them. */
const maxFound = 5_000
const maxFew = 1_000

/**
 * A list is walked along the index of its order from the cursor's place, so that a page costs the same at any depth.
 * Unknown values stand last in either direction, which no walk of one index gives: they are a stretch of their own,
 * read after the known ones, and before them on the way back.
 */
export function createTraceListRepository(pool: Pool) {
  const frequent = createFrequentConditions()

  /**
   * What few traces have stands nowhere near in the list's order, and a walk would go through all the others: where
   * they can be found by themselves and are not too many, the list is made of them alone.
   */
  async function withCandidates(tenantId: string, filter: TraceFilter): Promise<TraceFilter> {
    const taken = takeSearch(filter)
    if (taken) {
      const { search } = taken
      const ids = await unlessFrequent(tenantId, { search }, () =>
        findSearchCandidates(pool, tenantId, search, maxFound),
      )
      if (ids) return { and: [{ ids }, taken.rest] }
    }
    for (const rare of rareConditionsOf(filter)) {
      const ids = await unlessFrequent(tenantId, rare, () => findFew(tenantId, rare))
      if (ids) return { and: [{ ids }, filter] }
    }
    return filter
  }

  async function unlessFrequent(
    tenantId: string,
    condition: TraceFilter,
    find: () => Promise<string[] | null>,
  ): Promise<string[] | null> {
    if (frequent.has(tenantId, condition)) return null
    const ids = await find()
    if (!ids) frequent.add(tenantId, condition)
    return ids
  }

  /** Null: they are many. */
  async function findFew(tenantId: string, filter: TraceFilter): Promise<string[] | null> {
    const values: unknown[] = [tenantId]
    const text = `select t.id from traces t where t.tenant_id = $1 and ${whereOf(filter, values)} limit ${maxFew + 1}`
    const { rows } = await pool.query({ text, values, rowMode: 'array' })
    return rows.length > maxFew ? null : rows.map(([id]) => id)
  }

  async function walk(tenantId: string, list: TraceList, stretch: Stretch, limit: number): Promise<Trace[]> {
    const values: unknown[] = [tenantId]
    const conditions = ['t.tenant_id = $1', whereOf(list.filter, values), ...boundsOf(stretch, list.order, values)]
    const text = `
      select ${traceColumns} from traces t where ${conditions.join(' and ')}
      order by ${orderOf(stretch, list.order)} limit ${Math.trunc(limit)}`
    const { rows } = await pool.query(text, values)
    return rows.map(toTrace)
  }

  return {
    /** In the direction of the walk; one more than the page has where there are more. */
    async listTraces(tenantId: string, given: TraceList): Promise<Trace[]> {
      const list = { ...given, filter: await withCandidates(tenantId, given.filter) }
      const rows: Trace[] = []
      const wanted = list.page.size + 1
      for (const stretch of stretchesOf(list)) {
        rows.push(...(await walk(tenantId, list, stretch, wanted - rows.length)))
        if (rows.length >= wanted) break
      }
      return rows
    },

    async countTraces(tenantId: string, filter: TraceFilter): Promise<number> {
      const values: unknown[] = [tenantId]
      const where = whereOf(await withCandidates(tenantId, filter), values)
      const { rows } = await pool.query(
        `select count(*)::float8 from traces t where t.tenant_id = $1 and ${where}`,
        values,
      )
      return rows[0].count
    },
  }
}

/** A part of the order, walked up or down from a position or from its end. */
interface Stretch {
  isKnown: boolean
  isUp: boolean
  from: TracePosition | null
}

function stretchesOf({ order, page }: TraceList): Stretch[] {
  const from = readPosition(page, order)
  const isUp = (order.direction === 'ASC') !== page.isBackward
  const known = { isKnown: true, isUp, from: from?.value === null ? null : from }
  if (orderColumns[order.field].isAlwaysKnown) return [known]
  const unknown = { isKnown: false, isUp, from: from?.value === null ? from : null }
  const all = page.isBackward ? [unknown, known] : [known, unknown]
  // What lies before the one that the cursor stands in has been walked already.
  return from && all[1] === (from.value === null ? unknown : known) ? all.slice(1) : all
}

function boundsOf({ isKnown, isUp, from }: Stretch, { field }: TraceOrder, values: unknown[]): string[] {
  const { column, type, isAlwaysKnown } = orderColumns[field]
  const beyond = isUp ? '>' : '<'
  const bounds = isAlwaysKnown ? [] : [`${column} is ${isKnown ? 'not ' : ''}null`]
  if (from === null) return bounds
  if (!isKnown) return [...bounds, `t.id ${beyond} $${values.push(from.id)}`]
  return [...bounds, `(${column}, t.id) ${beyond} ($${values.push(from.value)}::${type}, $${values.push(from.id)})`]
}

function orderOf({ isKnown, isUp }: Stretch, { field }: TraceOrder): string {
  const direction = isUp ? 'asc' : 'desc'
  return isKnown ? `${orderColumns[field].column} ${direction}, t.id ${direction}` : `t.id ${direction}`
}

/** Tags and metadata have indexes of their own, but none in the order of a list. */
function rareConditionsOf(filter: TraceFilter): TraceFilter[] {
  const own = (['tagsAll', 'tagsAny', 'metadata'] as const).flatMap((field): TraceFilter[] =>
    (filter[field] ?? null) === null ? [] : [{ [field]: filter[field] }],
  )
  return [...own, ...(filter.and ?? []).flatMap(rareConditionsOf)]
}
