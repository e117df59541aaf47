import type { KeyObject } from 'node:crypto'
import { inTurns } from '../turns.ts'
import {
  emptyHead,
  entryHash,
  fingerprintOf,
  hasValidSignature,
  type LedgerEntry,
  type LedgerHead,
  ledgerKinds,
  publicKeyOf,
} from './ledger.ts'
import type { LedgerPublicKey } from './ledger-public-key.ts'

/**
 * What is wrong with a stretch of a ledger, and with the records that it tells of. Nothing is believed because it was
 * read: an entry is what its hash says, follows what its link says, is from whom its signature says, and names content
 * that is there, or an entry that says why not.
 */
export interface LedgerStretch {
  ledgerId: string
  /** The entry that it follows, verified before. Null: it begins with the first. */
  previous: LedgerEntry | null
  /** In the order of their sequences. */
  entries: readonly LedgerEntry[]
  /** All entries, wherever they are, of what the stretch names. */
  named: readonly NamedEntry[]
  /** The records that the stretch names, as far as they are there. */
  records: readonly StoredRecord[]
  /** A record at a place within the stretch that no entry says was stored. */
  strayId: string | null
  /** Every key of the ledger, the first one first. */
  keys: readonly LedgerPublicKey[]
  /** Where the ledger says that it ends; undefined where the stretch doesn't reach so far. */
  head: LedgerHead | null | undefined
}

export type NamedEntry = Pick<LedgerEntry, 'sequence' | 'kind' | 'reasoningId' | 'contentHash'>

/** What is compared of a record, once its content is hashed. */
export interface StoredRecord {
  id: string
  sequence: number
  createdAt: Date
  /** Null: nothing that we could have written has this content. */
  contentHash: string | null
  /** Whether it is as long as it says. */
  hasItsSize: boolean
  /** Whether what filters go by says the same as the record. */
  hasItsTags: boolean
}

export interface LedgerProblem {
  /** Of the first entry that is wrong or missing; null where it isn't an entry. */
  sequence: number | null
  reason: string
}

/** How many entries are looked at before others get a turn, and how many signatures wait for the thread pool. */
const atOnce = 64

/** The first problem. What costs little is looked at first, and of what comes before it the signatures. */
export async function findProblem(stretch: LedgerStretch): Promise<LedgerProblem | null> {
  const look = createLook(stretch)
  let problem: LedgerProblem | null = null
  let sound = 0
  for (const some of inPieces(stretch.entries)) {
    await inTurns(() => {
      for (const entry of some) {
        const reason = look(entry)
        if (reason) {
          problem = reason
          return
        }
        sound++
      }
    })
    if (problem) break
  }
  const forged = await findForged(stretch, stretch.entries.slice(0, sound))
  return forged ?? problem ?? findWrongEnd(stretch) ?? findStray(stretch)
}

/** Looks at one entry after another; each is compared with the one before. */
function createLook({ ledgerId, previous, ...stretch }: LedgerStretch) {
  const named = new Map<string, NamedEntry[]>()
  for (const entry of stretch.named) named.set(entry.reasoningId, [...(named.get(entry.reasoningId) ?? []), entry])
  const records = new Map<string, StoredRecord>()
  const twice = new Set<string>()
  for (const record of stretch.records) {
    if (records.has(record.id)) twice.add(record.id)
    records.set(record.id, record)
  }
  const ranks = new Map(stretch.keys.map((key, rank) => [key.id, { key, rank }]))
  const last = { entry: previous, rank: (previous && ranks.get(previous.keyId)?.rank) ?? 0 }

  function linkProblem(entry: LedgerEntry): string | null {
    const before = last.entry ?? emptyHead
    const n = entry.sequence
    if (hashIfAny(ledgerId, entry) !== entry.hash) {
      return `Entry ${n} is not what its hash says: a column of it was changed, or it was written for another place.`
    }
    if (entry.previousHash !== before.hash) return `Entry ${n} does not follow entry ${n - 1}: it names another hash.`
    if (entry.signedAt < before.signedAt) return `Entry ${n} is dated before entry ${n - 1}.`
    return ledgerKinds.includes(entry.kind) ? null : `Entry ${n} is of no kind that there is: "${entry.kind}".`
  }

  function keyProblem({ sequence, keyId, signedAt }: LedgerEntry): string | null {
    const found = ranks.get(keyId)
    if (!found) return `Entry ${sequence} is signed with the key ${keyId}, which is not there.`
    const { key, rank } = found
    if (fingerprintOf(key.publicKey) !== keyId) {
      return `Entry ${sequence} is signed with the key ${keyId}, whose public half is another: the id is its fingerprint.`
    }
    if (rank < last.rank || (key.retiredAt && signedAt > key.retiredAt)) {
      return `Entry ${sequence} is signed with the key ${keyId}, which was replaced before.`
    }
    last.rank = rank
    return null
  }

  function contentProblem(entry: LedgerEntry): string | null {
    const { sequence: n, kind, reasoningId: id, contentHash } = entry
    const others = (named.get(id) ?? []).filter(({ sequence }) => sequence !== n)
    const record = records.get(id)
    if (others.some((other) => other.kind === kind && other.sequence < n)) {
      return `Entry ${n} says again of "${id}" what was said before it.`
    }
    if (kind === 'DELETED') {
      const stored = others.find((other) => other.kind === 'STORED' && other.sequence < n)
      if (!stored) return `Entry ${n} says that "${id}" was deleted, and none before it that it was stored.`
      if (stored.contentHash !== contentHash) {
        return `Entry ${n} says that "${id}" was deleted, with another hash than entry ${stored.sequence} that it was stored.`
      }
      return record ? `The record "${id}" is there, and entry ${n} says that it was deleted.` : null
    }
    if (twice.has(id)) return `The record "${id}" of entry ${n} is there more than once.`
    if (record) return recordProblem(entry, record)
    const isDeleted = others.some((other) => other.kind === 'DELETED' && other.sequence > n)
    return isDeleted
      ? null
      : `The record "${id}" of entry ${n} is gone, and no entry after it says that it was deleted.`
  }

  return (entry: LedgerEntry): LedgerProblem | null => {
    const expected = (last.entry?.sequence ?? 0) + 1
    const { sequence } = entry
    if (sequence > expected) return missing(expected, `entry ${sequence} comes next`)
    if (sequence < expected) {
      const reason = sequence < 1 ? `Entry ${sequence} stands before the first.` : `Entry ${sequence} is there twice.`
      return { sequence, reason }
    }
    const reason = linkProblem(entry) ?? keyProblem(entry) ?? contentProblem(entry)
    last.entry = entry
    return reason === null ? null : { sequence, reason }
  }
}

function recordProblem({ sequence: n, reasoningId: id, ...said }: LedgerEntry, record: StoredRecord): string | null {
  if (record.contentHash !== said.contentHash) return `The content of the record "${id}" is not what entry ${n} signs.`
  if (record.sequence !== n) return `The record "${id}" stands at place ${record.sequence}; its entry is ${n}.`
  if (!isSameTime(record.createdAt, said.signedAt)) return `The record "${id}" has another time than its entry ${n}.`
  if (!record.hasItsSize) return `The record "${id}" of entry ${n} is not as long as it says.`
  return record.hasItsTags ? null : `The record "${id}" of entry ${n} is found by other tags than it has.`
}

async function findForged(
  { ledgerId, keys }: LedgerStretch,
  entries: readonly LedgerEntry[],
): Promise<LedgerProblem | null> {
  const opened = new Map<string, KeyObject>()
  for (const { id, publicKey } of keys) if (fingerprintOf(publicKey) === id) opened.set(id, publicKeyOf(publicKey))
  const isGenuine = async (entry: LedgerEntry) => {
    const key = opened.get(entry.keyId)
    return key !== undefined && hasValidSignature(ledgerId, entry, key)
  }
  for (const some of inPieces(entries)) {
    const genuine = await Promise.all(some.map(isGenuine))
    const forged = some[genuine.indexOf(false)]
    if (forged) {
      const { sequence, keyId } = forged
      return { sequence, reason: `The signature of entry ${sequence} is not one of its key ${keyId}.` }
    }
  }
  return null
}

function findStray({ strayId }: LedgerStretch): LedgerProblem | null {
  if (strayId === null) return null
  return { sequence: null, reason: `The record "${strayId}" is there, and no entry says that it was stored.` }
}

function findWrongEnd({ previous, entries, head }: LedgerStretch): LedgerProblem | null {
  if (head === undefined) return null
  const last = entries.at(-1) ?? previous
  if (head === null) {
    return last && { sequence: null, reason: `The ledger has ${last.sequence} entries and no head that says so.` }
  }
  const { sequence, hash, signedAt } = last ?? emptyHead
  if (head.sequence > sequence) return missing(sequence + 1, `the ledger's head stands at ${head.sequence}`)
  if (head.sequence < sequence) {
    const reason = `Entry ${head.sequence + 1} stands behind the ledger's head, which is at ${head.sequence}.`
    return { sequence: head.sequence + 1, reason }
  }
  if (head.hash === hash && isSameTime(head.signedAt, signedAt)) return null
  return { sequence: null, reason: `The ledger's head is not entry ${sequence}: it has another hash or time.` }
}

function missing(sequence: number, why: string): LedgerProblem {
  return { sequence, reason: `Entry ${sequence} is missing: ${why}.` }
}

function isSameTime(one: Date, other: Date): boolean {
  return Number(one) === Number(other)
}

/** Null: nothing has it, for it says something that has no canonical form. */
function hashIfAny(ledgerId: string, entry: LedgerEntry): string | null {
  try {
    return entryHash(ledgerId, entry)
  } catch {
    return null
  }
}

/** Whether an entry is still the one that was verified before, of which a client has kept the hash. */
export function isStill(ledgerId: string, entry: LedgerEntry, hash: string): boolean {
  return entry.hash === hash && hashIfAny(ledgerId, entry) === hash
}

function* inPieces<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let from = 0; from < items.length; from += atOnce) yield items.slice(from, from + atOnce)
}
