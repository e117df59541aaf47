import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  appendEntry,
  canonicalText,
  emptyHead,
  entryHash,
  fingerprintOf,
  hashOf,
  hasValidSignature,
  type LedgerEntry,
  type LedgerHead,
  ledgerKinds,
  mintLedgerKey,
  publicKeyOf,
  webKeyOf,
} from './ledger.ts'

const { keyId, publicKey, privateKey } = mintLedgerKey()
const signer = { keyId, privateKey }
const opened = publicKeyOf(publicKey)

const said = fc.record({
  kind: fc.constantFrom(...ledgerKinds),
  reasoningId: fc.string({ unit: 'grapheme', minLength: 1 }),
  contentHash: fc.string().map(hashOf),
})
const moment = fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true })

describe('an entry', () => {
  test('has the bytes that LEDGER.md says', () => {
    const fixed = { kind: 'STORED', reasoningId: 'tr_ü"1', contentHash: hashOf('x') } as const
    const entry = appendEntry('tn_1', emptyHead, fixed, { signer, now: new Date('2026-11-22T08:00:00.5Z') })
    const bytes =
      `{"contentHash":"${hashOf('x')}","format":"tracemend-ledger/1","keyId":"${keyId}","kind":"STORED",` +
      `"ledger":"tn_1","previousHash":"${'0'.repeat(64)}","reasoningId":"tr_ü\\"1","sequence":1,` +
      `"signedAt":"2026-11-22T08:00:00.500Z"}`
    expect(entry.hash).toBe(hashOf(bytes))
    expect(hashOf('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  })

  test('follows the one before: its hash, the next sequence, a time that is not earlier', () => {
    const chain = fc.array(fc.tuple(said, moment), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(chain, (given) => {
        let head: LedgerHead = emptyHead
        for (const [each, now] of given) {
          const entry = appendEntry('tn_1', head, each, { signer, now })
          expect(entry).toMatchObject({ ...each, keyId, sequence: head.sequence + 1, previousHash: head.hash })
          expect(entry.signedAt >= head.signedAt && entry.signedAt >= now).toBe(true)
          expect(entry.hash).toBe(entryHash('tn_1', entry))
          head = entry
        }
      }),
      { numRuns: 50 },
    )
  })

  test('is no other, and of no other ledger: whatever is changed of it, hash and signature are not its own', async () => {
    const changes: ((entry: LedgerEntry) => Partial<LedgerEntry>)[] = [
      ({ sequence }) => ({ sequence: sequence + 1 }),
      ({ kind }) => ({ kind: kind === 'STORED' ? 'DELETED' : 'STORED' }),
      ({ reasoningId }) => ({ reasoningId: `${reasoningId}x` }),
      ({ contentHash }) => ({ contentHash: hashOf(contentHash) }),
      ({ previousHash }) => ({ previousHash: hashOf(previousHash) }),
      () => ({ keyId: mintLedgerKey().keyId }),
      ({ signedAt }) => ({ signedAt: new Date(signedAt.getTime() + 1) }),
    ]
    await fc.assert(
      fc.asyncProperty(said, fc.constantFrom(...changes), async (each, change) => {
        const entry = appendEntry('tn_1', emptyHead, each, { signer, now: new Date() })
        expect(await hasValidSignature('tn_1', entry, opened)).toBe(true)
        expect(await hasValidSignature('tn_2', entry, opened)).toBe(false)
        expect(entryHash('tn_2', entry)).not.toBe(entry.hash)
        const other = { ...entry, ...change(entry) }
        expect(entryHash('tn_1', other)).not.toBe(entry.hash)
        expect(await hasValidSignature('tn_1', other, opened)).toBe(false)
      }),
      { numRuns: 50 },
    )
  })

  test('is not signed by another key, nor by what is no signature', async () => {
    const fixed = { kind: 'STORED', reasoningId: 'a', contentHash: hashOf('x') } as const
    const entry = appendEntry('tn_1', emptyHead, fixed, { signer, now: new Date() })
    expect(await hasValidSignature('tn_1', entry, publicKeyOf(mintLedgerKey().publicKey))).toBe(false)
    for (const signature of ['', 'x', entry.signature.slice(4), Buffer.alloc(64).toString('base64')]) {
      expect(await hasValidSignature('tn_1', { ...entry, signature }, opened)).toBe(false)
    }
  })
})

describe('a key', () => {
  test('is named by its fingerprint, and comes back from its JSON Web Key', () => {
    expect(keyId).toBe(fingerprintOf(publicKey))
    expect(keyId).toMatch(/^lk_[0-9a-f]{32}$/)
    expect(mintLedgerKey().keyId).not.toBe(keyId)
    expect(opened.export({ format: 'jwk' })).toEqual(webKeyOf(publicKey))
  })
})

describe('canonical JSON', () => {
  test('is the same however its keys are sorted, and reads back as what it was', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
        const reversed = Object.fromEntries(Object.entries(object).reverse())
        expect(canonicalText(reversed)).toBe(canonicalText(object))
        expect(JSON.parse(canonicalText(object))).toEqual(JSON.parse(JSON.stringify(object)))
      }),
    )
  })

  test('is that of RFC 8785', () => {
    const given = {
      numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001, -0],
      string: '€$\u000f\nA\'B"\\\\"/',
      literals: [null, true, false],
      '€': 1,
      '\r': 2,
      דּ: 3,
      '1': 4,
      '😀': 5,
      '\u0080': 6,
      ö: 7,
    }
    expect(canonicalText(given)).toBe(
      '{"\\r":2,"1":4,"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27,0],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/","\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}',
    )
  })
})
