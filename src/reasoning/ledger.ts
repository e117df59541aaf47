import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import canonicalize from 'canonicalize'

/** The words of the ledger; what it promises stands in LEDGER.md. Hashes are SHA-256 in hex, signatures base64. */
export const ledgerKinds = ['STORED', 'DELETED'] as const
export type LedgerKind = (typeof ledgerKinds)[number]

/** What an entry says, before it is signed. */
export interface LedgerStatement {
  /** Counted from 1. */
  sequence: number
  kind: LedgerKind
  reasoningId: string
  /** Of what was stored; of a deletion, of what is gone. */
  contentHash: string
  previousHash: string
  keyId: string
  signedAt: Date
}

export interface LedgerEntry extends LedgerStatement {
  hash: string
  signature: string
}

/** Where a ledger stands: at its last entry. */
export type LedgerHead = Pick<LedgerEntry, 'sequence' | 'hash' | 'signedAt'>

/** What entries are signed with. */
export interface LedgerSigner {
  keyId: string
  privateKey: KeyObject
}

/** Before the first entry. */
export const emptyHead: LedgerHead = { sequence: 0, hash: '0'.repeat(64), signedAt: new Date(0) }

/** What follows the head; its time is never before that of the entry before it. */
export function appendEntry(
  ledgerId: string,
  head: LedgerHead,
  said: Pick<LedgerStatement, 'kind' | 'reasoningId' | 'contentHash'>,
  { signer, now }: { signer: LedgerSigner; now: Date },
): LedgerEntry {
  const statement: LedgerStatement = {
    ...said,
    sequence: head.sequence + 1,
    previousHash: head.hash,
    keyId: signer.keyId,
    signedAt: now < head.signedAt ? head.signedAt : now,
  }
  const bytes = bytesOf(ledgerId, statement)
  const signature = sign(null, bytes, signer.privateKey).toString('base64')
  return { ...statement, hash: hashOf(bytes), signature }
}

/** The hash that an entry of this ledger has to have. */
export function entryHash(ledgerId: string, statement: LedgerStatement): string {
  return hashOf(bytesOf(ledgerId, statement))
}

/** In the thread pool: others go on meanwhile. */
export function hasValidSignature(ledgerId: string, entry: LedgerEntry, publicKey: KeyObject): Promise<boolean> {
  const signature = Buffer.from(entry.signature, 'base64')
  return new Promise((resolve) =>
    verify(null, bytesOf(ledgerId, entry), publicKey, signature, (error, isValid) => resolve(!error && isValid)),
  )
}

/** The canonical JSON (RFC 8785) of a value, and its hash. */
export function canonicalText(value: object): string {
  return canonicalize(value) as string
}

export function hashOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

/** What is hashed and signed: it names the ledger, so that an entry of one is none of another. */
function bytesOf(ledgerId: string, statement: LedgerStatement): Buffer {
  const { sequence, kind, reasoningId, contentHash, previousHash, keyId, signedAt } = statement
  const said = { format: 'tracemend-ledger/1', ledger: ledgerId, sequence, kind, reasoningId, contentHash }
  return Buffer.from(canonicalText({ ...said, previousHash, keyId, signedAt: signedAt.toISOString() }))
}

/** A new pair. The key's id is the fingerprint of its public half: nobody can put another in its place. */
export function mintLedgerKey(): { keyId: string; publicKey: Buffer; privateKey: KeyObject } {
  const pair = generateKeyPairSync('ed25519')
  const publicKey = rawKeyOf(pair.publicKey)
  return { keyId: fingerprintOf(publicKey), publicKey, privateKey: pair.privateKey }
}

export function fingerprintOf(publicKey: Uint8Array): string {
  return `lk_${hashOf(publicKey).slice(0, 32)}`
}

/** As a JSON Web Key (RFC 8037). */
export function webKeyOf(publicKey: Uint8Array): { kty: 'OKP'; crv: 'Ed25519'; x: string } {
  return { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(publicKey).toString('base64url') }
}

export function publicKeyOf(publicKey: Uint8Array): KeyObject {
  return createPublicKey({ key: webKeyOf(publicKey), format: 'jwk' })
}

/** The 32 bytes themselves. */
function rawKeyOf(publicKey: KeyObject): Buffer {
  return Buffer.from(publicKey.export({ format: 'jwk' }).x as string, 'base64url')
}
