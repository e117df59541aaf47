import { crc32 } from 'node:zlib'
import { InvalidInputError } from '../errors.ts'
import { cursorOf, type FeedCursor, type FeedStart } from './feed.ts'

/**
 * Cursors as clients hold them: opaque, and bound to the tenant. The digest at the end tells one that was cut or
 * altered, which would otherwise be a cursor too, of another position.
 */
const digestLength = 7

export function encodeFeedCursor(tenantId: string, { position, start, spans }: FeedCursor): string {
  const parts = [position.place, position.id, spans ?? '', start?.snapshot ?? '', start?.own ?? '']
  const text = parts.join(' ').trimEnd()
  return Buffer.from(text).toString('base64url') + digestOf(tenantId, text)
}

export function decodeFeedCursor(tenantId: string, cursor: string, field: string): FeedCursor {
  const read = readCursor(Buffer.from(cursor.slice(0, -digestLength), 'base64url').toString())
  if (!read || cursor !== encodeFeedCursor(tenantId, read)) {
    throw new InvalidInputError(
      field,
      `"${field}" must be a cursor that an event or an IngestReceipt of this tenant has given, unaltered; ` +
        `got ${JSON.stringify(cursor.slice(0, 100))}.`,
    )
  }
  return read
}

/** Just after a moment, for who wants to know what follows it. */
export function feedCursorAfter(tenantId: string, start: FeedStart): string {
  return encodeFeedCursor(tenantId, cursorOf(start))
}

const pattern = /^(\d{1,19}) (\d{1,19})(?: (\d{1,9})?(?: (\d{1,19}:\d{1,19}:[\d,]*)(?: (\d{1,19}))?)?)?$/
const largest = 2n ** 63n - 1n

/** The digest is no secret: whoever makes up a right one must not bring the database what it can't read. */
function readCursor(text: string): FeedCursor | null {
  const parts = pattern.exec(text)
  if (!parts) return null
  const [, place = '0', id = '0', spans, snapshot, own] = parts
  const position = { place: BigInt(place), id: BigInt(id) }
  const start = snapshot === undefined ? null : { snapshot, own: own === undefined ? null : BigInt(own) }
  if ([position.place, position.id, start?.own ?? 0n].some((each) => each > largest)) return null
  if (start && !isSnapshot(start.snapshot)) return null
  return { position, spans: spans === undefined ? null : Number(spans), start }
}

/** As PostgreSQL writes one: what was running is in order, and within it. */
function isSnapshot(text: string): boolean {
  const [xmin = '', xmax = '', running = ''] = text.split(':')
  const xids = running === '' ? [] : running.split(',')
  if ([xmin, xmax, ...xids].some((xid) => !/^[1-9]\d{0,18}$/.test(xid))) return false
  const rising = [BigInt(xmin) - 1n, ...xids.map(BigInt), BigInt(xmax), largest + 1n]
  return rising.every((xid, index) => index === 0 || (rising[index - 1] as bigint) < xid)
}

function digestOf(tenantId: string, text: string): string {
  return crc32(`${tenantId} ${text}`).toString(36).padStart(digestLength, '0')
}
