import { encodeCursor } from '../page.ts'

/** Behind a transaction: all that commits later, and nothing that it wrote itself. */
export interface FeedPosition {
  /** Below it, every transaction had ended when this one looked. */
  xmin: string
  /** Of the transaction itself. */
  xid: string
}

/**
 * A transaction with a lower number may commit after one with a higher: "behind this one" is therefore everything from
 * the oldest that was still running when it looked, but for itself.
 */
export function feedCursor({ xmin, xid }: FeedPosition): string {
  return encodeCursor([xmin, xid])
}
