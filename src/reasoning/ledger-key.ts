/** A key pair as it is stored: the private half is sealed. */
export interface SealedKey {
  /** The fingerprint of its public half. */
  id: string
  publicKey: Uint8Array
  sealedKey: Uint8Array
}
