/** The words of the feed; what it promises stands in PROTOCOL.md. */

/** What happened, by the number that it is stored as. */
export const feedKinds = ['CREATED', 'UPDATED', 'FINISHED', 'DELETED', 'REASONED'] as const
export type FeedKind = (typeof feedKinds)[number]

/** In the order of the feed: where an event stands, or with the id 0 just before all that may ever stand at its place. */
export interface FeedPosition {
  place: bigint
  id: bigint
}

/**
 * A moment: what was committed when it was looked at is not part of what follows. Transactions that were running then
 * may have lower places than others that had ended, so that no position can say it.
 */
export interface FeedStart {
  /** As PostgreSQL writes one: `xmin:xmax:running,…`. */
  snapshot: string
  /** The transaction that looked: what it has written itself is not part of what follows either. */
  own: bigint | null
}

/** Up to where somebody has been told. */
export interface FeedCursor {
  position: FeedPosition
  /** Until the position is beyond all that was committed at the start. */
  start: FeedStart | null
  /** How many spans of the event at this position have been told of; null: all there is of it. */
  spans: number | null
}

/** A change of a trace, or that a record of reasoning was stored. At the head of the feed it is the same object for all who watch. */
export interface FeedEntry {
  readonly position: FeedPosition
  /** Of whoever reads it in the first moments of a subscription. */
  readonly start: FeedStart | null
  readonly kind: FeedKind
  /** Where somebody has reasoned, the id of the record. */
  readonly traceId: string
  /** The spans that changed; of a trace that was deleted, all that it had. */
  readonly spanIds: readonly string[]
  /** Of how many of them its reader has been told before. */
  readonly toldSpans: number
  /** What it was before, in the words of whoever has written it; null where nothing of that is otherwise now. */
  readonly before: readonly unknown[] | null
}

/** That something was written to the feed: for all processes where somebody listens. */
export function feedTopic(tenantId: string): string {
  return `feed/${tenantId}`
}

export function isBefore(one: FeedPosition, other: FeedPosition): boolean {
  return one.place < other.place || (one.place === other.place && one.id < other.id)
}

/** Just after a moment. */
export function cursorOf(start: FeedStart): FeedCursor {
  const [xmin = '0'] = start.snapshot.split(':')
  return withoutPastStart({ position: { place: BigInt(xmin), id: 0n }, start, spans: null })
}

/** Nothing that was committed at the start stands beyond its limit: from there on the position says it all. */
export function withoutPastStart(cursor: FeedCursor): FeedCursor {
  if (cursor.start === null || cursor.position.place < limitOf(cursor.start)) return cursor
  return { ...cursor, start: null }
}

/** Where all has been read that stands below its limit, too: there is nothing left that it could exclude. */
export function withoutSettledStart(cursor: FeedCursor, horizon: bigint): FeedCursor {
  if (cursor.start === null || horizon < limitOf(cursor.start)) return cursor
  const limit = { place: limitOf(cursor.start), id: 0n }
  return { ...cursor, position: isBefore(cursor.position, limit) ? limit : cursor.position, start: null }
}

function limitOf({ snapshot, own }: FeedStart): bigint {
  const xmax = BigInt(snapshot.split(':')[1] ?? 0)
  return own !== null && own >= xmax ? own + 1n : xmax
}
