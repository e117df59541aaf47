import { expect, test } from 'vitest'
import { emptyHead, mintLedgerKey } from './ledger.ts'
import { appendChanges, type Change, type Known } from './reasoning-append.ts'
import { readReasoning } from './reasoning-input.ts'

const signer = mintLedgerKey()
const now = new Date('2026-11-22T10:00:00.000Z')

function storing(id: string, more: { parentId?: string; agent?: string } = {}): Change {
  const decision = { type: 'PLAN' as const, summary: 's' }
  const reasoning = readReasoning({ id, decision, reasoning: { observations: [], conclusion: 'c' }, ...more })
  return { kind: 'STORED', reasoning }
}

const append = (changes: readonly Change[], known: readonly Known[] = []) =>
  appendChanges(changes, { ledgerId: 'tn', head: emptyHead, known, signer, now })

test('changes that come at once see those before them', () => {
  const { outcomes, entries, records, removedIds } = append([
    storing('a', { parentId: 'b' }),
    storing('b'),
    storing('a', { parentId: 'b' }),
    storing('b'),
    storing('b', { agent: 'other' }),
    { kind: 'DELETED', id: 'b' },
    { kind: 'DELETED', id: 'b' },
    storing('b'),
    storing('c', { parentId: 'b' }),
  ])
  expect(outcomes).toMatchObject([
    { kind: 'NO_PARENT' },
    { kind: 'STORED', isNew: true, record: { id: 'b', sequence: 1, createdAt: now } },
    { kind: 'STORED', isNew: true, record: { id: 'a', sequence: 2 } },
    { kind: 'STORED', isNew: false, record: { id: 'b', sequence: 1 } },
    { kind: 'CONFLICT', wasDeleted: false },
    { kind: 'DELETED' },
    { kind: 'NOT_FOUND' },
    { kind: 'CONFLICT', wasDeleted: true },
    { kind: 'NO_PARENT' },
  ])
  expect(entries.map(({ sequence, kind, reasoningId }) => [sequence, kind, reasoningId])).toEqual([
    [1, 'STORED', 'b'],
    [2, 'STORED', 'a'],
    [3, 'DELETED', 'b'],
  ])
  expect(entries.map(({ previousHash }) => previousHash)).toEqual([
    emptyHead.hash,
    ...entries.slice(0, -1).map(({ hash }) => hash),
  ])
  // What was stored and deleted at once was never there.
  expect(records.map(({ id }) => id)).toEqual(['a'])
  expect(removedIds).toEqual([])
})

test('what the ledger knows of an id counts as much', () => {
  const [{ contentHash } = { contentHash: '' }] = append([storing('a')]).entries
  const stored: Known = { kind: 'STORED', reasoningId: 'a', contentHash, sequence: 7, signedAt: new Date(0) }
  const deleted: Known = { ...stored, kind: 'DELETED', sequence: 8 }
  expect(append([storing('a')], [stored])).toMatchObject({
    outcomes: [{ kind: 'STORED', isNew: false, record: { sequence: 7, createdAt: new Date(0) } }],
    entries: [],
  })
  expect(append([{ kind: 'DELETED', id: 'a' }], [stored])).toMatchObject({
    outcomes: [{ kind: 'DELETED' }],
    removedIds: ['a'],
    entries: [{ kind: 'DELETED', contentHash }],
  })
  expect(append([storing('a'), storing('b', { parentId: 'a' })], [stored, deleted]).outcomes).toEqual([
    { kind: 'CONFLICT', wasDeleted: true },
    { kind: 'NO_PARENT' },
  ])
})

test('a clock that goes back does not take the ledger with it', () => {
  const later = new Date(now.getTime() + 5_000)
  const head = { sequence: 4, hash: 'a'.repeat(64), signedAt: later }
  const { entries } = appendChanges([storing('a')], { ledgerId: 'tn', head, known: [], signer, now })
  expect(entries).toMatchObject([{ sequence: 5, previousHash: head.hash, signedAt: later }])
})
