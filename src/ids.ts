import { randomBytes } from 'node:crypto'

/** Crockford's base 32: no letter that can be taken for another, safe in URLs, file names and double clicks. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

/** `tn_01kahx3…`: 48 bits of time, so that new rows stand together in an index, then 80 random bits. */
export function newId(prefix: string): string {
  const time = Buffer.alloc(6)
  time.writeUIntBE(Date.now(), 0, 6)
  return `${prefix}_${encode(Buffer.concat([time, randomBytes(10)]))}`
}

export function randomText(bits: number): string {
  return encode(randomBytes(Math.ceil(bits / 8)))
}

function encode(bytes: Buffer): string {
  let text = ''
  let held = 0
  let heldBits = 0
  for (const byte of bytes) {
    held = (held << 8) | byte
    heldBits += 8
    while (heldBits >= 5) {
      heldBits -= 5
      text += alphabet[(held >> heldBits) & 31]
    }
    held &= (1 << heldBits) - 1
  }
  return heldBits > 0 ? text + alphabet[(held << (5 - heldBits)) & 31] : text
}
