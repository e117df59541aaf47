import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

/** Encrypts what must be kept and must not be read in the database (AES-256-GCM): 12 bytes nonce, 16 bytes tag, text. */
export interface SecretBox {
  seal(text: string): Uint8Array
  /** Throws where the key is another one or a byte was changed. */
  open(sealed: Uint8Array): string
}

export function createSecretBox(key: Uint8Array): SecretBox {
  return {
    seal(text) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, nonce)
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), body])
    },
    open(sealed) {
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12))
      decipher.setAuthTag(sealed.subarray(12, 28))
      return decipher.update(sealed.subarray(28), undefined, 'utf8') + decipher.final('utf8')
    },
  }
}
