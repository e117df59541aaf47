import { createHash } from 'node:crypto'
import { InvalidInputError } from '../errors.ts'
import { cursorOf, type FeedCursor, type FeedStart } from './feed.ts'

/**
 * Cursors as clients hold them: opaque, and bound to the tenant. The digest at the end tells one that was cut or
 * altered, which would otherwise be a cursor too, of another position.
 */
const digestLength = 6

export function encodeFeedCursor(tenantId: string, { position, start, spans }: FeedCursor): string {
  const parts = [position.place, position.id, spans ?? '', start?.snapshot ?? '', start?.own ?? '']
  const text = parts.join(' ').trimEnd()
  return Buffer.from(text).toString('base64url') + digestOf(tenantId, text)
}

export function decodeFeedCursor(tenantId: string, cursor: string, field: string): FeedCursor {
  const text = Buffer.from(cursor.slice(0, -digestLength), 'base64url').toString()
  const parts = pattern.exec(text)
  if (!parts || cursor !== Buffer.from(text).toString('base64url') + digestOf(tenantId, text)) {
    throw new InvalidInputError(
      field,
      `"${field}" must be a cursor that an event or an IngestReceipt of this tenant has given, unaltered; ` +
        `got ${JSON.stringify(cursor.slice(0, 100))}.`,
    )
  }
  const [, place = '0', id = '0', spans, snapshot, own] = parts
  return {
    position: { place: BigInt(place), id: BigInt(id) },
    spans: spans ? Number(spans) : null,
    start: snapshot ? { snapshot, own: own ? BigInt(own) : null } : null,
  }
}

/** Just after a moment, for who wants to know what follows it. */
export function feedCursorAfter(tenantId: string, start: FeedStart): string {
  return encodeFeedCursor(tenantId, cursorOf(start))
}

const pattern = /^(\d{1,19}) (\d{1,19})(?: (\d{1,9})?(?: (\d+:\d+:[\d,]*)(?: (\d{1,19}))?)?)?$/

function digestOf(tenantId: string, text: string): string {
  return createHash('sha256').update(`${tenantId} ${text}`).digest('base64url').slice(0, digestLength)
}
