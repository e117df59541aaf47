import type { Pool, PoolClient } from 'pg'
import type { FeedStart } from '../feed/feed.ts'
import { newId } from '../ids.ts'
import { inTransaction, RacedError, untilUnraced } from '../infra/transaction.ts'
import { type FormerSpan, type FormerTrace, priceBatch } from './batch-price.ts'
import { findFormerSpans, holdTraces, insertAgents, storeFresh, storeMerged } from './ingest-statement.repository.ts'
import type { PricedCall } from './model-price.ts'
import type { Batch, SpanContentRecord } from './record.ts'
import { spanContentFields } from './span.ts'
import { compareText } from './text-order.ts'

/**
 * Stores a batch in one transaction: agents, traces, spans, contents, usage, feed and what is due to be indexed, or
 * nothing of it. Whoever changes a trace holds its row from before it looks until it commits, so that what a trace
 * sums up of its spans can be carried forward by differences. A trace that isn't there yet can't be held: of two that
 * make it at once, the later one finds a row that it expected to be new, undoes all it did and begins again.
 */
export type IngestRepository = ReturnType<typeof createIngestRepository>

export interface StoreOptions {
  /** Of the usage that it counts to. */
  month: string
  now: Date
  computeCosts(calls: readonly PricedCall[]): Promise<(string | null)[]>
}

export interface StoredBatch {
  newSpans: number
  /** Of the month, these included. */
  spans: number
  /** Of spans a month; null: none. */
  limit: number | null
  /** Traces that are otherwise now than before; a repeated batch has none. */
  changedTraceIds: string[]
  /** Just after it. */
  moment: FeedStart
}

/** More spans than the month allows: nothing was stored. */
export class QuotaReachedError extends Error {
  readonly limit: number

  constructor(limit: number) {
    super(`the month's ${limit} spans are used up`)
    this.limit = limit
  }
}

const maxKnownAgents = 10_000

export function createIngestRepository(pool: Pool) {
  /** Agents are never removed: one that was committed is there. */
  const knownAgents = new Set<string>()

  async function store(
    client: PoolClient,
    tenantId: string,
    batch: Batch,
    options: StoreOptions,
  ): Promise<StoredBatch> {
    const { month, now, computeCosts } = options
    const names = agentsOf(batch)
    const unknown = names.filter((name) => !knownAgents.has(`${tenantId}/${name}`))
    const traces = await hold(client, tenantId, batch)
    if (unknown.length > 0) {
      await client.query(insertAgents, [tenantId, unknown.map(() => newId('ag')), unknown, now])
    }
    const spans = traces.length > 0 ? await findFormer(client, tenantId, batch) : []
    const priced = await priceBatch(sorted(batch), { traces, spans, now, computeCosts })
    const former = new Map(traces.map(({ id, wasStatus, wasImage }) => [id, { wasStatus, wasImage }]))
    const values = [
      tenantId,
      now,
      month,
      JSON.stringify(priced.spans),
      JSON.stringify(priced.traces.map((trace) => ({ ...trace, ...former.get(trace.id) }))),
      JSON.stringify(priced.traceContents),
      names,
      traces.map(({ id }) => id),
      ...columnsOf(priced.spanContents),
    ]
    const isFresh = traces.length === 0
    const { rows } = await client.query(
      isFresh ? { name: 'store-fresh', text: storeFresh, values } : { name: 'store-merged', text: storeMerged, values },
    )
    const { newSpans, spans: used, limit, changed, isRaced, snapshot, own } = rows[0]
    if (isRaced) throw new RacedError('another batch made the same trace at the same time')
    if (limit !== null && newSpans > 0 && used > limit) throw new QuotaReachedError(limit)
    return { newSpans, spans: used, limit, changedTraceIds: changed ?? [], moment: { snapshot, own: BigInt(own) } }
  }

  function remember(agents: readonly string[]): void {
    for (const agent of agents) knownAgents.add(agent)
    for (const oldest of knownAgents) {
      if (knownAgents.size <= maxKnownAgents) return
      knownAgents.delete(oldest)
    }
  }

  return {
    async storeBatch(tenantId: string, batch: Batch, options: StoreOptions): Promise<StoredBatch> {
      const stored = await untilUnraced(() => inTransaction(pool, (client) => store(client, tenantId, batch, options)))
      remember(agentsOf(batch).map((name) => `${tenantId}/${name}`))
      return stored
    },
  }
}

/** By their keys, so that two batches can't wait for each other. */
function sorted(batch: Batch): Batch {
  const byTrace = (one: { traceId: string }, other: { traceId: string }) => compareText(one.traceId, other.traceId)
  return {
    traces: batch.traces.toSorted((one, other) => compareText(one.id, other.id)),
    traceContents: batch.traceContents.toSorted(byTrace),
    spans: batch.spans.toSorted((one, other) => byTrace(one, other) || compareText(one.id, other.id)),
    spanContents: batch.spanContents.toSorted(
      (one, other) => byTrace(one, other) || compareText(one.spanId, other.spanId),
    ),
  }
}

function agentsOf({ traces }: Batch): string[] {
  return [...new Set(traces.flatMap(({ agent }) => agent ?? []))]
}

/**
 * Columns of texts, each joined by a character that JSON never holds as it is: PostgreSQL takes them apart in half the
 * time that it needs to find them in one JSON of rows.
 */
function columnsOf(contents: readonly SpanContentRecord[]): unknown[] {
  const texts = spanContentFields.map((field) =>
    contents.map((content) => (content[field] === undefined ? '' : JSON.stringify(content[field]))).join('\x1f'),
  )
  return [contents.map(({ traceId }) => traceId), contents.map(({ spanId }) => spanId), ...texts]
}

async function hold(client: PoolClient, tenantId: string, { traces }: Batch) {
  const values = [tenantId, traces.map(({ id }) => id)]
  const { rows } = await client.query({ name: 'hold-traces', text: holdTraces, values })
  return rows.map(withoutNulls) as (FormerTrace & { wasStatus: number; wasImage: string })[]
}

async function findFormer(client: PoolClient, tenantId: string, { spans }: Batch): Promise<FormerSpan[]> {
  const values = [tenantId, spans.map(({ traceId }) => traceId), spans.map(({ id }) => id)]
  const { rows } = await client.query({ name: 'find-former-spans', text: findFormerSpans, values })
  return rows.map(withoutNulls) as FormerSpan[]
}

/** As a record has it: what is unknown is absent. But for the cost, whose absence is told apart. */
function withoutNulls(row: Record<string, unknown>): object {
  const known = Object.entries(row).filter(([, value]) => value !== null)
  return { computedCost: null, ...Object.fromEntries(known) }
}
