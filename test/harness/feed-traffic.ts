import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises'
import type pg from 'pg'
import type { FeedRepository } from '../../src/feed/feed.repository.ts'
import { type FeedCursor, type FeedStart, withoutPastStart } from '../../src/feed/feed.ts'
import { decodeFeedCursor, encodeFeedCursor, feedCursorAfter } from '../../src/feed/feed-cursor.ts'

/** Transactions that take their numbers in one order and commit in another, and who reads what they write meanwhile. */
export interface Moment {
  tenantId: string
  start: FeedStart
}

/** By a clock that counts what the test does. */
export interface Commit {
  sent: number
  answered: number
}

export interface Traffic {
  tenants: readonly string[]
  /** By the number of the transaction. */
  commits: Map<bigint, Commit>
  rolledBack: number
  /** As receipts have them, of transactions that are committed. */
  moments: Moment[]
  tick(): number
}

export function makeTraffic(tenants: readonly string[]): Traffic {
  let clock = 0
  return { tenants, commits: new Map(), rolledBack: 0, moments: [], tick: () => ++clock }
}

export const chance = (share: number) => Math.random() < share
export const oneOf = <Item>(items: readonly Item[]) => items[Math.floor(Math.random() * items.length)] as Item

/** The way the product does it: the moment is that of the statement which writes. */
export const insertEvents = `
  with fed as (
    insert into feed (tenant_id, kind, trace_id, span_ids, at)
    select $1, 1, 'trace ' || n, '{}', now() from generate_series(1, $2) n)
  select pg_current_snapshot()::text as snapshot, pg_current_xact_id()::text as own`

async function dawdle(): Promise<void> {
  if (chance(0.5)) await breathe()
  if (chance(0.2)) await pause(Math.random() * 4)
  if (chance(0.003)) await pause(60)
}

export async function writeTransactions(client: pg.ClientBase, traffic: Traffic, count: number): Promise<void> {
  for (let more = 0; more < count; more++) await writeTransaction(client, traffic)
}

async function writeTransaction(client: pg.ClientBase, { tenants, commits, moments, ...traffic }: Traffic) {
  await client.query(chance(0.5) ? 'begin; select pg_current_xact_id()' : 'begin')
  await dawdle()
  const moment = await insertSome(client, oneOf(tenants))
  // Others of the same transaction are written before or after, of this tenant or another, and some are undone.
  for (let more = 0; chance(0.25) && more < 3; more++) {
    await dawdle()
    await client.query('savepoint here')
    await insertSome(client, oneOf(tenants))
    if (chance(0.5)) await client.query('rollback to here')
  }
  await dawdle()
  if (chance(0.1)) {
    await client.query('rollback')
    return
  }
  const last = await insertSome(client, moment.tenantId)
  const sent = traffic.tick()
  await client.query('commit')
  commits.set(last.start.own as bigint, { sent, answered: traffic.tick() })
  moments.push(last)
}

async function insertSome(client: pg.ClientBase, tenantId: string): Promise<Moment> {
  const { rows } = await client.query(insertEvents, [tenantId, chance(0.2) ? 3 : 1])
  return { tenantId, start: { snapshot: rows[0].snapshot, own: BigInt(rows[0].own) } }
}

export interface Told {
  tenantId: string
  start: FeedStart
  /** When it was asked what is now; undefined: it began at a receipt. */
  began?: Commit
  /** `place id`, in the order in which it was told. */
  positions: string[]
}

/** Begins at some moment and reads on, forgetting all but its cursor again and again, until all that is written is told. */
export async function readAlong(feed: FeedRepository, traffic: Traffic, isOver: () => boolean): Promise<Told> {
  const { told, cursor: first } = await begin(feed, traffic)
  const { tenantId, positions } = told
  let cursor = first
  for (;;) {
    const wasOver = isOver()
    const limit = oneOf([1, 2, 7, 20, 100, 100])
    const { entries, horizon, isWaiting } = await feed.readPage(tenantId, cursor, limit)
    positions.push(...entries.map(({ position }) => `${position.place} ${position.id}`))
    const last = entries.at(-1)
    if (last) cursor = { position: last.position, start: cursor.start, spans: null }
    else if (wasOver && !isWaiting) return told
    // As the service does it, which has come to the horizon then.
    if (entries.length < limit && chance(0.5)) cursor = { ...cursor, position: { place: horizon, id: 0n } }
    cursor = chance(0.3) ? restart(tenantId, cursor) : withoutPastStart(cursor)
    if (!wasOver && (!last || chance(0.3))) await pause(Math.random() * 60)
  }
}

async function begin(feed: FeedRepository, { tenants, moments, tick }: Traffic) {
  if (moments.length > 0 && chance(0.5)) {
    const { tenantId, start } = chance(0.5) ? oneOf(moments) : (moments.at(-1) as Moment)
    const cursor = decodeFeedCursor(tenantId, feedCursorAfter(tenantId, start), 'after')
    return { cursor, told: { tenantId, start, positions: [] } as Told }
  }
  const tenantId = oneOf(tenants)
  const sent = tick()
  const start = { snapshot: await feed.findNow(), own: null }
  const cursor = decodeFeedCursor(tenantId, feedCursorAfter(tenantId, start), 'after')
  return { cursor, told: { tenantId, start, began: { sent, answered: tick() }, positions: [] } as Told }
}

function restart(tenantId: string, cursor: FeedCursor): FeedCursor {
  return decodeFeedCursor(tenantId, encodeFeedCursor(tenantId, cursor), 'after')
}

/** Whether what that transaction did was there when the snapshot was taken, worked out here. */
export function isVisibleIn(snapshot: string, xid: bigint): boolean {
  const [xmin = '', xmax = '', running = ''] = snapshot.split(':')
  if (xid < BigInt(xmin)) return true
  return xid < BigInt(xmax) && !running.split(',').includes(`${xid}`)
}
