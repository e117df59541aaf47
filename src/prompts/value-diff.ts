import { isRecord } from '../json-record.ts'
/**
 * What became of a JSON value, entry by entry: objects by their keys, lists of named things by their names, other lists
 * by their places. A value within is at its path: `model.parameters.temperature`, `tools.search.description`,
 * `stop[0]`, `headers["content.type"]`.
 *
 * The entries make `after` out of `before`. Only one thing they leave open: where among the named things of a list
 * those stand that were added, as long as the others keep their order.
 */
export interface ValueDiff {
  path: string
  change: 'ADDED' | 'REMOVED' | 'CHANGED' | 'MOVED'
  /** Null where there was nothing. MOVED: the names of the list at `path` in their order, and so in `after`. */
  before: unknown
  after: unknown
}

/** Of a value: one that differs in more is told as a whole. A path holds the keys of all that its value stands in. */
const maxDiffs = 2_000
const maxPaths = 500_000

/** At the top null and undefined are nothing; a key of an object may well be there and hold null. */
export function diffValues(before: unknown, after: unknown, path: string): ValueDiff[] {
  const diffs = new Diffs()
  try {
    diffMember(before ?? undefined, after ?? undefined, path, diffs)
    return diffs.all
  } catch (error) {
    if (!(error instanceof TooManyError)) throw error
    return [{ path, change: 'CHANGED', before, after }]
  }
}

class TooManyError extends Error {}

class Diffs {
  readonly all: ValueDiff[] = []
  #paths = 0

  push(diff: ValueDiff): void {
    this.#paths += diff.path.length
    if (this.all.push(diff) > maxDiffs || this.#paths > maxPaths) throw new TooManyError()
  }
}

/** Undefined: isn't there. */
function diffMember(before: unknown, after: unknown, path: string, diffs: Diffs): void {
  if (before === after) return
  if (before === undefined) diffs.push({ path, change: 'ADDED', before: null, after })
  else if (after === undefined) diffs.push({ path, change: 'REMOVED', before, after: null })
  else if (Array.isArray(before) && Array.isArray(after)) diffLists(before, after, path, diffs)
  else if (isRecord(before) && isRecord(after)) diffMembers(entriesOf(before), entriesOf(after), path, diffs)
  else diffs.push({ path, change: 'CHANGED', before, after })
}

/** Sorted, so that the order of keys shows nowhere. */
function diffMembers(before: Members, after: Members, path: string, diffs: Diffs): void {
  const keys = [...new Set([...before.keys(), ...after.keys()])].sort()
  for (const key of keys) diffMember(before.get(key), after.get(key), memberPath(path, key), diffs)
}

function diffLists(before: unknown[], after: unknown[], path: string, diffs: Diffs): void {
  const [oldItems, newItems] = [byIdentity(before), byIdentity(after)]
  if (!oldItems || !newItems) {
    for (let index = 0; index < Math.max(before.length, after.length); index++) {
      diffMember(before[index], after[index], `${path}[${index}]`, diffs)
    }
    return
  }
  for (const [name, item] of oldItems) diffMember(item, newItems.get(name), memberPath(path, name), diffs)
  for (const [name, item] of newItems) {
    if (!oldItems.has(name)) diffMember(undefined, item, memberPath(path, name), diffs)
  }
  const [oldOrder, newOrder] = [[...oldItems.keys()], [...newItems.keys()]]
  const common = newOrder.filter((name) => oldItems.has(name))
  if (oldOrder.filter((name) => newItems.has(name)).some((name, place) => name !== common[place])) {
    diffs.push({ path, change: 'MOVED', before: oldOrder, after: newOrder })
  }
}

type Members = ReadonlyMap<string, unknown>

/** Null where an item has no name of its own. */
function byIdentity(items: readonly unknown[]): Members | null {
  const named = new Map<string, unknown>()
  for (const item of items) {
    const identity = identityOf(item)
    if (identity === null || named.has(identity)) return null
    named.set(identity, item)
  }
  return named
}

/** A tool's is its name, which some providers put into its `function`. */
function identityOf(item: unknown): string | null {
  const named = [memberOf(item, 'name'), memberOf(memberOf(item, 'function'), 'name'), memberOf(item, 'id')]
  return named.find((each): each is string => typeof each === 'string' && each !== '') ?? null
}

function memberOf(value: unknown, key: string): unknown {
  return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined
}

function entriesOf(value: Record<string, unknown>): Members {
  return new Map(Object.entries(value))
}

function memberPath(path: string, key: string): string {
  if (!/^[\w-]+$/.test(key)) return `${path}[${JSON.stringify(key)}]`
  return path === '' ? key : `${path}.${key}`
}
