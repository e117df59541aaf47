import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { newId } from '../ids.ts'
import { isTenantId, newTenant, tenantChange } from './tenant.ts'

const now = new Date('2026-11-21T09:30:00.000Z')

describe('a new tenant', () => {
  test('has an id of ours, a tidy name, and no limit that was not given', () => {
    const tenant = newTenant({ slug: 'acme', name: ' Acme ' }, now)
    expect(tenant).toEqual({
      id: expect.stringMatching(/^tn_/),
      slug: 'acme',
      name: 'Acme',
      monthlySpanLimit: null,
      retentionDays: null,
      createdAt: now,
    })
    expect(isTenantId(tenant.id)).toBe(true)
  })

  test('has a slug that can stand in a host name', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/), (slug) => {
        expect(newTenant({ slug, name: 'A' }).slug).toBe(slug)
        expect(new URL(`http://${slug}.example`).hostname).toBe(`${slug}.example`)
      }),
    )
    for (const slug of ['', '-', 'a-', '-a', 'A', 'ä', 'a.b', 'a\n', 'a'.repeat(64)]) {
      expect(() => newTenant({ slug, name: 'A' })).toThrow('A slug has 1 to 63 characters')
    }
  })

  test('does not repeat a slug of any length in its refusal', () => {
    expect(() => newTenant({ slug: 'x'.repeat(100_000), name: 'A' })).toThrow(/^.{1,300}$/)
  })
})

describe('a change', () => {
  test('holds what was given, null included, and nothing else', () => {
    expect(tenantChange({})).toEqual({})
    expect(tenantChange({ name: undefined })).toEqual({})
    expect(tenantChange({ name: ' B ', retentionDays: null })).toEqual({ name: 'B', retentionDays: null })
    expect(tenantChange({ monthlySpanLimit: 0 })).toEqual({ monthlySpanLimit: 0 })
  })

  test.each([
    [{ name: null }, 'A tenant needs a name'],
    [{ monthlySpanLimit: -1 }, 'monthlySpanLimit is 0 or more, or null for none; got -1.'],
    [{ retentionDays: 0 }, 'retentionDays is 1 to 36500, or null for ever; got 0.'],
    [{ retentionDays: 36_501 }, 'retentionDays is 1 to 36500, or null for ever; got 36501.'],
  ])('refuses %o', (input, message) => {
    expect(() => tenantChange(input)).toThrow(message)
  })
})

test('a tenant id is told from anything else', () => {
  expect(isTenantId(newId('tn'))).toBe(true)
  for (const id of ['', 'tn_', 'tn_\0', 'tn_a\n', 'ky_abc', `tn_${'a'.repeat(41)}`]) expect(isTenantId(id)).toBe(false)
})
