import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import type { SecretBox } from '../infra/secret-box.ts'
import { type LedgerSigner, mintLedgerKey, webKeyOf } from './ledger.ts'
import type { SealedKey } from './ledger-key.ts'
import type { KeySeal } from './ledger-public-key.ts'
import type { LedgerKeyBox } from './reasoning-append.repository.ts'

/** Opens keys to sign with, makes them, and takes the private half from those that are replaced. */
export interface LedgerKeyKeeper extends LedgerKeyBox {
  /** What is sealed from now on in its place. */
  retireKey(key: SealedKey, now: Date): Uint8Array
  /** Null: it isn't ours, or a byte of it was changed. */
  readSeal(sealedKey: Uint8Array): KeySeal | null
}

/** Of as many tenants as write to their ledgers at about the same time. */
const maxOpenKeys = 1_000

/** What is sealed, as JSON. The private half is PKCS #8 in base64. */
interface Sealed {
  id: string
  createdAt: string
  retiredAt: string | null
  privateKey: string | null
}

export function createLedgerKeyBox({ secretBox }: { secretBox: SecretBox }): LedgerKeyKeeper {
  const open = new Map<string, LedgerSigner>()

  function seal(sealed: Sealed): Uint8Array {
    return secretBox.seal(JSON.stringify(sealed))
  }

  function unseal({ id, sealedKey }: Pick<SealedKey, 'id' | 'sealedKey'>): Sealed {
    const sealed = tryToUnseal(sealedKey)
    if (sealed?.id === id) return sealed
    throw new Error(`The private half of the ledger's key ${id} can't be opened: it was changed, or sealed elsewhere.`)
  }

  function tryToUnseal(sealedKey: Uint8Array): Sealed | null {
    try {
      return JSON.parse(secretBox.open(sealedKey))
    } catch {
      return null
    }
  }

  function remember(signer: LedgerSigner): LedgerSigner {
    const [oldest] = open.keys()
    if (open.size >= maxOpenKeys && oldest !== undefined) open.delete(oldest)
    open.set(signer.keyId, signer)
    return signer
  }

  return {
    openKey(key) {
      const opened = open.get(key.id)
      if (opened) return opened
      const { privateKey } = unseal(key)
      if (privateKey === null) throw new Error(`The ledger's key ${key.id} is retired, and signs no more.`)
      const signing = readPrivateKey(privateKey)
      if (createPublicKey(signing).export({ format: 'jwk' }).x !== webKeyOf(key.publicKey).x) {
        throw new Error(`The public half of the ledger's key ${key.id} was changed: it is not that of the private one.`)
      }
      return remember({ keyId: key.id, privateKey: signing })
    },

    mintKey(now) {
      const { keyId, publicKey, privateKey } = mintLedgerKey()
      const sealed = {
        id: keyId,
        createdAt: now.toISOString(),
        retiredAt: null,
        privateKey: writePrivateKey(privateKey),
      }
      return { id: keyId, publicKey, sealedKey: seal(sealed) }
    },

    retireKey(key, now) {
      return seal({ ...unseal(key), retiredAt: now.toISOString(), privateKey: null })
    },

    readSeal(sealedKey) {
      const sealed = tryToUnseal(sealedKey)
      if (!sealed) return null
      const { id, createdAt, retiredAt, privateKey } = sealed
      return {
        id,
        createdAt: new Date(createdAt),
        retiredAt: retiredAt === null ? null : new Date(retiredAt),
        canSign: privateKey !== null,
      }
    },
  }
}

function writePrivateKey(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'der' }).toString('base64')
}

function readPrivateKey(text: string): KeyObject {
  return createPrivateKey({ key: Buffer.from(text, 'base64'), type: 'pkcs8', format: 'der' })
}
