import { endianness } from 'node:os'

/**
 * A vector in short: on which side of 512 planes it lies. How many signs two vectors differ in says how far apart they
 * point, near enough to choose a few hundred among all; those are then compared themselves.
 */
export const signatureBits = 512

/** As a text of zeros and ones, which PostgreSQL reads as `bit(512)`. Vectors of another length are projected (SimHash). */
export function signatureOf(vector: Float32Array): string {
  if (vector.length === signatureBits) return Array.from(vector, (value) => (value > 0 ? '1' : '0')).join('')
  const planes = planesOf(vector.length)
  let bits = ''
  for (let bit = 0; bit < signatureBits; bit++) {
    const start = bit * vector.length
    let side = 0
    for (let index = 0; index < vector.length; index++) {
      side += (vector[index] as number) * (planes[start + index] as number)
    }
    bits += side > 0 ? '1' : '0'
  }
  return bits
}

/** How alike two unit vectors are: 1 the same direction, 0 nothing in common. */
export function dotProduct(one: Float32Array, other: Float32Array): number {
  if (one.length !== other.length) {
    throw new Error(`Vectors of one length were required; got ${one.length} and ${other.length}.`)
  }
  let sum = 0
  for (let index = 0; index < one.length; index++) sum += (one[index] as number) * (other[index] as number)
  return sum
}

/** Float32, little-endian, whatever this machine is. */
export function bytesOf(vector: Float32Array): Buffer {
  return inOrder(Buffer.from(new Float32Array(vector).buffer))
}

export function vectorOf(bytes: Uint8Array): Float32Array {
  // Copied: what comes from the network begins anywhere.
  return new Float32Array(inOrder(Buffer.from(Uint8Array.from(bytes).buffer)).buffer)
}

function inOrder(bytes: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
  return endianness() === 'LE' ? bytes : bytes.swap32()
}

/** One model is in use, and one that it replaces: 1,536 dimensions are 0.8 MB. */
const maxKnown = 4
const known = new Map<number, Int8Array>()

/**
 * Planes through the origin, as ones and minus ones: the same in every process and for good, since signatures made with
 * others could not be compared.
 */
function planesOf(dimensions: number): Int8Array {
  const former = known.get(dimensions)
  if (former) return former
  const planes = new Int8Array(signatureBits * dimensions)
  let state = (dimensions ^ 0x9e3779b9) >>> 0
  for (let index = 0; index < planes.length; index++) {
    // Xorshift, 32 bits: no more than to be even.
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    planes[index] = state & 0x10000 ? 1 : -1
  }
  const oldest = known.size >= maxKnown ? known.keys().next().value : undefined
  if (oldest !== undefined) known.delete(oldest)
  known.set(dimensions, planes)
  return planes
}
