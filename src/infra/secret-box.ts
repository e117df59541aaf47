import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

/** Encrypts what must be kept and must not be read in the database (AES-256-GCM): 12 bytes nonce, 16 bytes tag, text. */
export interface SecretBox {
  seal(text: string): Uint8Array
  /** Throws where the key is another one or a byte was changed. */
  open(sealed: Uint8Array): string
}

const nonceBytes = 12
const tagBytes = 16

export function createSecretBox(key: Uint8Array): SecretBox {
  return {
    seal(text) {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', key, nonce)
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), body])
    },
    open(sealed) {
      const nonce = sealed.subarray(0, nonceBytes)
      // Without its length, Node takes a tag of four bytes, of which one in four billion fits anything.
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
      decipher.setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes))
      return decipher.update(sealed.subarray(nonceBytes + tagBytes), undefined, 'utf8') + decipher.final('utf8')
    },
  }
}
