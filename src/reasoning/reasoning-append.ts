import { appendEntry, hashOf, type LedgerEntry, type LedgerHead, type LedgerSigner } from './ledger.ts'
import { contentText, type Reasoning, type ReasoningTrace } from './reasoning.ts'

/** What is to be written, in this order: the records and deletions of one tenant that came at once. */
export type Change = { kind: 'STORED'; reasoning: Reasoning } | { kind: 'DELETED'; id: string }

/** What came of a change. */
export type Outcome =
  /** It is written now, or was before: the same content under the same id. */
  | { kind: 'STORED'; record: ReasoningTrace; isNew: boolean }
  | { kind: 'DELETED' }
  /** Another content has the id, or had it. */
  | { kind: 'CONFLICT'; wasDeleted: boolean }
  | { kind: 'NO_PARENT' }
  | { kind: 'NOT_FOUND' }

/** What the ledger says of the ids that the changes name. */
export type Known = Pick<LedgerEntry, 'kind' | 'reasoningId' | 'contentHash' | 'sequence' | 'signedAt'>

export interface Appended {
  outcomes: Outcome[]
  /** To be added, in this order. */
  entries: LedgerEntry[]
  records: StoredReasoning[]
  removedIds: string[]
}

/** As a row of it is written. */
export interface StoredReasoning extends Reasoning {
  sequence: number
  createdAt: Date
  /** How many characters the ledger has the hash of. */
  size: number
}

interface Appending {
  ledgerId: string
  head: LedgerHead
  known: readonly Known[]
  signer: LedgerSigner
  now: Date
}

/**
 * Each change sees those before it. An id is given once: a record that was deleted is not stored again, or what the
 * ledger says of it would have two meanings. A parent is there before its children, so that no chain is a circle.
 */
export function appendChanges(changes: readonly Change[], { ledgerId, known, ...from }: Appending): Appended {
  const { signer, now } = from
  const stored = new Map<string, Known>()
  const deleted = new Set<string>()
  for (const each of known) {
    if (each.kind === 'STORED') stored.set(each.reasoningId, each)
    else deleted.add(each.reasoningId)
  }
  const isThere = (id: string) => stored.has(id) && !deleted.has(id)
  const entries: LedgerEntry[] = []
  const records = new Map<string, StoredReasoning>()
  const removedIds: string[] = []

  function append(said: Pick<LedgerEntry, 'kind' | 'reasoningId' | 'contentHash'>): LedgerEntry {
    const entry = appendEntry(ledgerId, entries.at(-1) ?? from.head, said, { signer, now })
    entries.push(entry)
    return entry
  }

  function store(reasoning: Reasoning): Outcome {
    const { id, parentId } = reasoning
    const content = contentText(reasoning)
    const contentHash = hashOf(content)
    const former = stored.get(id)
    if (former) {
      const isSame = former.contentHash === contentHash && !deleted.has(id)
      if (!isSame) return { kind: 'CONFLICT', wasDeleted: deleted.has(id) }
      return { kind: 'STORED', record: recordOf(reasoning, former), isNew: false }
    }
    if (parentId !== null && !isThere(parentId)) return { kind: 'NO_PARENT' }
    const entry = append({ kind: 'STORED', reasoningId: id, contentHash })
    stored.set(id, entry)
    records.set(id, { ...reasoning, sequence: entry.sequence, createdAt: entry.signedAt, size: content.length })
    return { kind: 'STORED', record: recordOf(reasoning, entry), isNew: true }
  }

  function remove(id: string): Outcome {
    const former = stored.get(id)
    if (!former || deleted.has(id)) return { kind: 'NOT_FOUND' }
    append({ kind: 'DELETED', reasoningId: id, contentHash: former.contentHash })
    deleted.add(id)
    if (!records.delete(id)) removedIds.push(id)
    return { kind: 'DELETED' }
  }

  const outcomes = changes.map((change) => (change.kind === 'STORED' ? store(change.reasoning) : remove(change.id)))
  return { outcomes, entries, records: [...records.values()], removedIds }
}

function recordOf(reasoning: Reasoning, { sequence, signedAt }: Pick<Known, 'sequence' | 'signedAt'>): ReasoningTrace {
  const { summary, outputRef, observations, hypothesis, conclusion, alternatives, filesRead, keyFacts, ...facts } =
    reasoning
  const content = { summary, outputRef, observations, hypothesis, conclusion, alternatives, filesRead, keyFacts }
  return { ...facts, sequence, createdAt: signedAt, content }
}
