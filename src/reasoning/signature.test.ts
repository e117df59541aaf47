import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytesOf, dotProduct, signatureBits, signatureOf, vectorOf } from './signature.ts'

const vectorOfLength = (length: number) =>
  fc.float32Array({ minLength: length, maxLength: length, noNaN: true, noDefaultInfinity: true, min: -1, max: 1 })

test('of 512 dimensions the signature is their signs', () => {
  fc.assert(
    fc.property(vectorOfLength(signatureBits), (vector) => {
      expect(signatureOf(vector)).toBe([...vector].map((value) => (value > 0 ? '1' : '0')).join(''))
    }),
  )
})

test.each([3, 384, 1_536])(
  'of %i dimensions it has 512 bits, always the same, and turns over with the vector',
  (length) => {
    const vector = Float32Array.from({ length }, (_, index) => Math.sin(index + 1))
    const signature = signatureOf(vector)
    expect(signature).toMatch(/^[01]{512}$/)
    for (const other of [1, 2, 4, 5, 6, 7]) signatureOf(new Float32Array(other).fill(1))
    expect(signatureOf(vector)).toBe(signature)
    expect(signatureOf(vector.map((value) => value * 2.5))).toBe(signature)
    const turned = signatureOf(vector.map((value) => -value))
    expect(differences(signature, turned)).toBe(signatureBits)
  },
)

test('the wider the angle, the more signs differ', () => {
  const [one, other] = [0, 1].map((seed) =>
    Float32Array.from({ length: 1_024 }, (_, index) => Math.sin((index + 1) * (seed + 1.7))),
  ) as [Float32Array, Float32Array]
  const bits = [0, 0.2, 0.4, 0.6, 0.8, 1].map((share) => {
    const between = one.map((value, index) => value * (1 - share) + (other[index] as number) * share)
    return differences(signatureOf(one), signatureOf(between))
  })
  expect(bits[0]).toBe(0)
  expect(bits).toEqual(bits.toSorted((a, b) => a - b))
  expect(bits.at(-1)).toBeGreaterThan(150)
})

test('bytes give the same vector back, wherever they begin', () => {
  fc.assert(
    fc.property(vectorOfLength(7), fc.nat(5), (vector, offset) => {
      const bytes = bytesOf(vector)
      expect(bytes.readFloatLE(8)).toBe(vector[2])
      const moved = Buffer.concat([Buffer.alloc(offset), bytes]).subarray(offset)
      expect(vectorOf(moved)).toEqual(vector)
    }),
  )
})

test('a product is that of vectors of one length', () => {
  expect(dotProduct(Float32Array.of(1, 2), Float32Array.of(3, 4))).toBe(11)
  expect(() => dotProduct(Float32Array.of(1), Float32Array.of(1, 2))).toThrow('Vectors of one length')
})

function differences(one: string, other: string): number {
  return [...one].filter((bit, index) => bit !== other[index]).length
}
