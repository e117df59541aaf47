import { cleanText } from '../clean.ts'
import { brokenCursor, decodeCursor, encodeCursor } from '../page.ts'
import { requireKey, requireScope, type Viewer } from '../tenants/viewer.ts'
import type { LedgerPage, LedgerRepository } from './ledger.repository.ts'
import { hashOf, type LedgerEntry } from './ledger.ts'
import type { LedgerKeyRepository } from './ledger-key.repository.ts'
import { findKeyProblem } from './ledger-key-verification.ts'
import { isoOf, type KeySeal, type LedgerWebKey, ledgerWebKeyOf } from './ledger-public-key.ts'
import { findProblem, isStill, type LedgerProblem } from './ledger-verification.ts'
import { isSequence } from './reasoning.ts'

export type LedgerService = ReturnType<typeof createLedgerService>

/** Of one page. */
export interface LedgerVerification {
  valid: boolean
  /** How many entries were found to be right. */
  checked: number
  firstInvalid: number | null
  reason: string | null
  endCursor: string | null
  head: LedgerEntry | null
  publicKeys: LedgerWebKey[]
}

interface Dependencies {
  ledger: LedgerRepository
  keys: LedgerKeyRepository
  keyBox: { readSeal(sealedKey: Uint8Array): KeySeal | null }
}

/** Of ordinary records verified within a fifth of a second, so that nobody waits long for a core; of large ones fewer. */
const pageSize = 1_000
/** Of all tenants, newest first; an older one is asked for by its id. */
const maxListedKeys = 1_000

export function createLedgerService({ ledger, keys, keyBox }: Dependencies) {
  return {
    /** In the order asked. Whoever may see a record may see what signs it: hashes, and no content. */
    async findEntries(viewer: Viewer, reasoningIds: readonly string[]): Promise<(LedgerEntry | null)[]> {
      requireKey(viewer)
      const found = await ledger.findEntries(viewer.tenantId, reasoningIds)
      const byId = new Map(found.map((entry) => [entry.reasoningId, entry]))
      return reasoningIds.map((id) => byId.get(id) ?? null)
    },

    /** A page, in one snapshot. With the cursor of the page before, it goes on from there. */
    async verifyLedger(viewer: Viewer, after?: string | null): Promise<LedgerVerification> {
      requireScope(viewer, 'READ')
      const { tenantId } = viewer
      const from = (after ?? null) === null ? null : readLedgerCursor(tenantId, after as string)
      const page = await ledger.readPage(tenantId, { after: from?.sequence ?? null, limit: pageSize })
      const keyProblem = findKeyProblem(page.keys, keyBox.readSeal)
      const [previous = null] = page.previous
      const problem =
        (from && pastProblem(tenantId, page, from)) ??
        (await findProblem({ ...page, ledgerId: tenantId, previous })) ??
        (keyProblem === null ? null : { sequence: null, reason: keyProblem })
      return verificationOf(tenantId, page, problem)
    },

    /** Every key that signs or has signed, of whichever tenant, and nothing of whose it is. */
    async listPublicKeys(id?: string | null): Promise<LedgerWebKey[]> {
      return (await keys.listPublicKeys(maxListedKeys, (id ?? null) === null ? null : cleanText(id as string))).map(
        ledgerWebKeyOf,
      )
    },
  }
}

/** An entry that was verified, and its hash then. */
type LedgerPlace = Pick<LedgerEntry, 'sequence' | 'hash'>

function pastProblem(
  ledgerId: string,
  { previous }: LedgerPage,
  { sequence, hash }: LedgerPlace,
): LedgerProblem | null {
  const [entry, another] = previous
  if (another) return { sequence, reason: `Entry ${sequence} is there twice.` }
  if (!entry) return { sequence, reason: `Entry ${sequence}, up to which the ledger was verified before, is gone.` }
  if (isStill(ledgerId, entry, hash)) return null
  return { sequence, reason: `Entry ${sequence}, up to which the ledger was verified before, is another one now.` }
}

function verificationOf(ledgerId: string, page: LedgerPage, problem: LedgerProblem | null): LedgerVerification {
  const { entries, headEntry } = page
  const last = entries.at(-1)
  const firstInvalid = problem?.sequence ?? null
  return {
    valid: problem === null,
    checked: firstInvalid === null ? entries.length : entries.filter(({ sequence }) => sequence < firstInvalid).length,
    firstInvalid,
    reason: problem?.reason ?? null,
    endCursor: problem === null && last && page.head === undefined ? ledgerCursor(ledgerId, last) : null,
    head: headEntry && isoOf(headEntry.signedAt) !== null ? headEntry : null,
    publicKeys: page.keys.map(ledgerWebKeyOf),
  }
}

/** Bound to the ledger: one that was altered, or is another tenant's, is refused instead of being taken for a forgery. */
function ledgerCursor(ledgerId: string, { sequence, hash }: LedgerPlace): string {
  return encodeCursor([sequence, hash, hashOf(`${ledgerId}/${sequence}/${hash}`).slice(0, 16)])
}

function readLedgerCursor(ledgerId: string, cursor: string): LedgerPlace {
  const [sequence, hash] = decodeCursor(cursor, 'after')
  if (isSequence(sequence) && typeof hash === 'string') {
    const place = { sequence, hash }
    if (ledgerCursor(ledgerId, place) === cursor) return place
  }
  throw brokenCursor('after', cursor)
}
