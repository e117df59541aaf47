import { fingerprintOf } from './ledger.ts'
import type { KeySeal, StoredLedgerKey } from './ledger-public-key.ts'

/**
 * What is wrong with the keys of a ledger, the first one first. Their times stand in no entry: what is sealed says them
 * too, and whoever can't open the seal can't change them, or add a key.
 */
export function findKeyProblem(
  keys: readonly StoredLedgerKey[],
  readSeal: (sealedKey: Uint8Array) => KeySeal | null,
): string | null {
  for (const [index, key] of keys.entries()) {
    const { id, createdAt, retiredAt } = key
    if (fingerprintOf(key.publicKey) !== id) return `The key ${id} has another public half: the id is its fingerprint.`
    const seal = readSeal(key.sealedKey)
    if (seal?.id !== id) return `What is sealed of the key ${id} was changed, or is of another key.`
    if (!isSame(seal.createdAt, createdAt) || !isSame(seal.retiredAt, retiredAt)) {
      return `The key ${id} has other times than those that were sealed with it.`
    }
    const next = keys[index + 1]
    if (!isSame(retiredAt, next?.createdAt ?? null) || seal.canSign !== (retiredAt === null)) {
      return next
        ? `The key ${id} was not replaced by ${next.id}, the next one.`
        : `The key that replaced ${id} is gone.`
    }
  }
  return null
}

function isSame(one: Date | null, other: Date | null): boolean {
  return one === null || other === null ? one === other : Number(one) === Number(other)
}
