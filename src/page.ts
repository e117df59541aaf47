import { InvalidInputError } from './errors.ts'

/** A page of a list, as a client asks for it: from the front (`first`, `after`) or from the back (`last`, `before`). */
export interface PageInput {
  first?: number | null | undefined
  after?: string | null | undefined
  last?: number | null | undefined
  before?: string | null | undefined
}

/** What a repository is asked for: so many rows beyond a position, walking the order or against it. */
export interface PageRequest {
  size: number
  isBackward: boolean
  /** What stands in the cursor; null: from the end that it walks from. */
  from: CursorParts | null
  /** The argument that held the cursor, for complaints about it. */
  cursorField: 'after' | 'before'
}

export type CursorParts = readonly (string | number | null)[]

export interface Page<Item> {
  /** In the list's order, whichever way they were walked. */
  items: Item[]
  hasNextPage: boolean
  hasPreviousPage: boolean
}

export const defaultPageSize = 20

export function readPage(input: PageInput, pageSize = defaultPageSize): PageRequest {
  const { first, after, last, before } = input
  const isBackward = (last ?? null) !== null
  if (isBackward && ((first ?? null) !== null || (after ?? null) !== null)) {
    throw new InvalidInputError(
      'last',
      'A page is asked for from the front (first, after) or from the back (last, before).',
    )
  }
  if (!isBackward && (before ?? null) !== null) {
    throw new InvalidInputError('before', '"before" goes with "last"; with "first" it is "after".')
  }
  const size = (isBackward ? last : first) ?? pageSize
  if (size < 0) {
    throw new InvalidInputError(isBackward ? 'last' : 'first', `A page has 0 or more nodes; got ${size}.`)
  }
  const cursorField = isBackward ? 'before' : 'after'
  const cursor = isBackward ? before : after
  return {
    size,
    isBackward,
    cursorField,
    from: (cursor ?? null) === null ? null : decodeCursor(cursor as string, cursorField),
  }
}

/** `rows` were walked from `from`, one more than asked for where there are more. */
export function pageOf<Item>(rows: readonly Item[], { size, isBackward, from }: PageRequest): Page<Item> {
  const hasMore = rows.length > size
  const items = rows.slice(0, size)
  const hasOther = from !== null
  return isBackward
    ? { items: items.reverse(), hasPreviousPage: hasMore, hasNextPage: hasOther }
    : { items, hasNextPage: hasMore, hasPreviousPage: hasOther }
}

/** Opaque to clients; a position, so that it stays right whatever comes or goes around it. */
export function encodeCursor(parts: CursorParts): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url')
}

export function decodeCursor(cursor: string, field: string): CursorParts {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    if (Array.isArray(parts) && parts.every(isPart)) return parts
  } catch {
    // Refused below.
  }
  throw brokenCursor(field, cursor)
}

export function brokenCursor(field: string, cursor: unknown): InvalidInputError {
  return new InvalidInputError(
    field,
    `"${field}" must be a cursor that an edge or pageInfo of the same list, in the same order, has given; ` +
      `got ${JSON.stringify(cursor)?.slice(0, 100)}.`,
  )
}

function isPart(part: unknown): part is string | number | null {
  return part === null || typeof part === 'string' || typeof part === 'number'
}
