import { webKeyOf } from './ledger.ts'

/** The half of a key that everybody may have, and when it signed. */
export interface LedgerPublicKey {
  /** Its fingerprint. */
  id: string
  publicKey: Uint8Array
  createdAt: Date
  /** Null: it signs. */
  retiredAt: Date | null
}

/** A JSON Web Key (RFC 7517) with two members of ours. */
export interface LedgerWebKey {
  kty: 'OKP'
  crv: 'Ed25519'
  x: string
  kid: string
  use: 'sig'
  createdAt: string | null
  retiredAt: string | null
}

export function ledgerWebKeyOf({ id, publicKey, createdAt, retiredAt }: LedgerPublicKey): LedgerWebKey {
  const times = { createdAt: isoOf(createdAt), retiredAt: retiredAt && isoOf(retiredAt) }
  return { ...webKeyOf(publicKey), kid: id, use: 'sig', ...times }
}

/** PostgreSQL has times that are none here, such as `infinity`: nothing of ours writes one, somebody else may have. */
export function isoOf(moment: Date): string | null {
  return Number.isNaN(new Date(moment).getTime()) || !(moment instanceof Date) ? null : moment.toISOString()
}

/** A key as the ledger's tenant has it: what is sealed says the same once more, where nobody but us can write it. */
export interface StoredLedgerKey extends LedgerPublicKey {
  sealedKey: Uint8Array
}

export interface KeySeal {
  id: string
  createdAt: Date
  retiredAt: Date | null
  /** A key that is retired has lost its private half: nobody signs with it any more, we included. */
  canSign: boolean
}
