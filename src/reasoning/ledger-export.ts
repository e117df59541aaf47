import type { LedgerEntry, LedgerHead } from './ledger.ts'
import { isoOf, type LedgerPublicKey, ledgerWebKeyOf } from './ledger-public-key.ts'

/**
 * A ledger as a file, one JSON object a line: first what it is, then its entries in their order. It is all that is needed
 * to verify it without us (examples/verify-ledger.ts).
 */
interface Exported {
  ledgerId: string
  keys: readonly LedgerPublicKey[]
  head: LedgerHead | null
  now: Date
}

export function exportHeader({ ledgerId, keys, head, now }: Exported): string {
  const header = {
    format: 'tracemend-ledger/1',
    ledger: ledgerId,
    exportedAt: now.toISOString(),
    keys: keys.map(ledgerWebKeyOf),
    head: head && { ...head, signedAt: isoOf(head.signedAt) },
  }
  return `${JSON.stringify(header)}\n`
}

/** With the text that its content hash is of; null where that is gone, and for a deletion. */
export function exportLine(entry: LedgerEntry, content: string | null): string {
  return `${JSON.stringify({ ...entry, signedAt: isoOf(entry.signedAt), content })}\n`
}
