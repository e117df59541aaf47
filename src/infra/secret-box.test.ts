import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createSecretBox } from './secret-box.ts'

const box = createSecretBox(Buffer.alloc(32, 1))

describe('a secret box', () => {
  test('opens what it has sealed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(box.open(box.seal(text))).toBe(text)
      }),
    )
  })

  test('shows nothing, not even whether two texts are the same', () => {
    const [one, other] = [box.seal('sk-secret'), box.seal('sk-secret')]
    expect(Buffer.from(one).equals(other)).toBe(false)
    expect(Buffer.from(one).includes('secret')).toBe(false)
  })

  test('opens nothing that was sealed with another key', () => {
    const other = createSecretBox(Buffer.alloc(32, 2))
    expect(() => other.open(box.seal('sk-secret'))).toThrow()
  })

  test('opens nothing of which a byte was changed, cut off or added', () => {
    const sealed = Buffer.from(box.seal('sk-secret'))
    for (let i = 0; i < sealed.length; i++) {
      const changed = Buffer.from(sealed)
      changed[i] = (changed[i] ?? 0) ^ 1
      expect(() => box.open(changed), `byte ${i} changed`).toThrow()
      expect(() => box.open(sealed.subarray(0, i)), `cut to ${i} bytes`).toThrow()
    }
    expect(() => box.open(Buffer.concat([sealed, Buffer.alloc(1)]))).toThrow()
    // A short tag would be a weak one, also where it is the true one.
    const empty = Buffer.from(box.seal(''))
    for (let length = 0; length < empty.length; length++) expect(() => box.open(empty.subarray(0, length))).toThrow()
  })
})
