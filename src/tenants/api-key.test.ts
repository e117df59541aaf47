import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DomainError } from '../errors.ts'
import {
  checkGrant,
  formatApiKey,
  hashSecret,
  isSecretOf,
  keyState,
  mintKey,
  newKey,
  parseApiKey,
  scopes,
  tenantScopes,
} from './api-key.ts'

const now = new Date('2026-11-21T09:30:00.000Z')
const date = fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })
const someScopes = fc.subarray([...scopes])

describe('a key as text', () => {
  test('what is formatted is parsed again', () => {
    const parts = fc.record({
      id: fc.stringMatching(/^[a-z0-9]{4,40}$/),
      secret: fc.stringMatching(/^[A-Za-z0-9]{40,128}$/),
    })
    fc.assert(
      fc.property(parts, (key) => {
        expect(parseApiKey(formatApiKey(key))).toEqual(key)
      }),
    )
  })

  test('what is parsed is nothing but a key', () => {
    const nearly = fc.tuple(
      fc.constantFrom('tm', 'TM', ''),
      fc.string({ maxLength: 50 }),
      fc.string({ maxLength: 150 }),
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          nearly.map((each) => each.join('_')),
        ),
        (text) => {
          const parts = parseApiKey(text)
          if (parts) expect(formatApiKey(parts)).toBe(text)
        },
      ),
    )
    for (const text of [`tm_abcd_${'a'.repeat(40)}\n`, ` tm_abcd_${'a'.repeat(40)}`, `tm__${'a'.repeat(40)}`]) {
      expect(parseApiKey(text)).toBeNull()
    }
  })

  test('a minted one has 160 random bits and more, and is a key', () => {
    const key = mintKey()
    expect(parseApiKey(formatApiKey(key))).toEqual(key)
    expect(key.secret.length * 5).toBeGreaterThanOrEqual(160)
    expect(mintKey()).not.toEqual(key)
  })
})

describe('a new key', () => {
  const parts = mintKey()
  const key = newKey('tn_1', { name: ' CI ', scopes: ['RUN', 'READ', 'RUN'] }, parts, now)

  test('is tidied, and holds a hash in place of the secret', () => {
    expect(key).toEqual({
      tenantId: 'tn_1',
      id: parts.id,
      name: 'CI',
      scopes: ['READ', 'RUN'],
      secretHash: hashSecret(parts.secret),
      expiresAt: null,
      revokedAt: null,
      lastUsedAt: null,
      createdAt: now,
    })
    expect(key.secretHash).toHaveLength(32)
  })

  test('knows its secret from any other', () => {
    expect(isSecretOf(key, parts.secret)).toBe(true)
    expect(isSecretOf(key, mintKey().secret)).toBe(false)
    expect(isSecretOf(key, '')).toBe(false)
    expect(isSecretOf(key, parts.secret.toUpperCase())).toBe(false)
  })
})

test.each([
  ['live', { revokedAt: null, expiresAt: null }],
  ['live', { revokedAt: null, expiresAt: new Date(now.getTime() + 1) }],
  ['expired', { revokedAt: null, expiresAt: now }],
  ['revoked', { revokedAt: now, expiresAt: null }],
  ['revoked', { revokedAt: now, expiresAt: new Date(0) }],
])('a key is %s: %o', (state, key) => {
  expect(keyState(key, now)).toBe(state)
})

test('the first key of a tenant may do everything within it', () => {
  expect(scopes.filter((scope) => !tenantScopes.includes(scope))).toEqual(['OPERATOR'])
})

describe('giving a key', () => {
  const giver = fc.record({ scopes: someScopes, expiresAt: fc.option(date) })
  const input = fc.record({ name: fc.constant('A key'), scopes: someScopes, expiresAt: fc.option(date) })

  test('never gives what the giver has not got, and gives everything else', () => {
    fc.assert(
      fc.property(giver, input, date, (from, given, at) => {
        const isNew = given.scopes.length > 0 && (!given.expiresAt || given.expiresAt > at)
        const isLess = given.scopes.every((scope) => from.scopes.includes(scope))
        const isShorter = !from.expiresAt || (given.expiresAt !== null && given.expiresAt <= from.expiresAt)
        expect(codeOf(() => checkGrant(from, given, at))).toBe(
          !isNew ? 'INVALID_INPUT' : isLess && isShorter ? 'given' : 'FORBIDDEN',
        )
      }),
    )
  })
})

function codeOf(give: () => void): string {
  try {
    give()
    return 'given'
  } catch (error) {
    return error instanceof DomainError ? error.code : String(error)
  }
}
