import { beforeEach, describe, expect, test, vi } from 'vitest'
import { formatApiKey, mintKey, newKey, type StoredKey } from './api-key.ts'
import { createAuthenticationService } from './authentication.service.ts'
import { anonymous } from './viewer.ts'

describe('authentication', () => {
  const parts = mintKey()
  const header = `Bearer ${formatApiKey(parts)}`
  let stored: StoredKey | null
  let lookUps: number
  let uses: number
  let find: () => Promise<StoredKey | null>
  let wake: () => void
  let service: ReturnType<typeof createAuthenticationService>

  beforeEach(() => {
    stored = newKey('tn_1', { name: 'A key', scopes: ['READ'] }, parts)
    lookUps = 0
    uses = 0
    find = async () => stored
    wake = () => {}
    service = createAuthenticationService({
      keys: {
        findStoredKey() {
          lookUps++
          return find()
        },
      },
      lastUsed: { mark: () => void uses++ },
      bus: {
        listen(_, onWake) {
          wake = onWake
          return () => {}
        },
      },
    })
  })

  test('asks once for many requests at once, and marks each use', async () => {
    const viewers = await Promise.all(Array.from({ length: 50 }, () => service.authenticate(header)))
    expect(new Set(viewers.map(({ keyId }) => keyId))).toEqual(new Set([parts.id]))
    expect([lookUps, uses]).toEqual([1, 50])
  })

  test('asks again within a second, and after a wake-up at once', async () => {
    vi.useFakeTimers()
    await service.authenticate(header)
    vi.advanceTimersByTime(999)
    await service.authenticate(header)
    vi.useRealTimers()
    expect(lookUps).toBe(2)
    if (stored) stored = { ...stored, revokedAt: new Date() }
    wake()
    await expect(service.authenticate(header)).rejects.toThrow('This API key is revoked.')
    expect([lookUps, uses]).toEqual([3, 2])
  })

  test('a wake-up during a look-up is not lost', async () => {
    await service.authenticate(header)
    wake()
    const before = stored
    let answer: (key: StoredKey | null) => void = () => {}
    find = () =>
      new Promise((resolve) => {
        answer = resolve
      })
    const overtaken = service.authenticate(header)
    find = async () => before && { ...before, revokedAt: new Date() }
    wake()
    answer(before)
    await overtaken
    await expect(service.authenticate(header)).rejects.toThrow('This API key is revoked.')
  })

  test('an outage passes; what is not known is not remembered', async () => {
    find = () => Promise.reject(new Error('no database'))
    await expect(service.authenticate(header)).rejects.toThrow('no database')
    find = async () => null
    await expect(service.authenticate(header)).rejects.toThrow('This API key is not known.')
    find = async () => stored
    expect(await service.authenticate(header)).toMatchObject({ tenantId: 'tn_1' })
  })

  test('whoever shows nothing is anonymous, and asks nothing', async () => {
    for (const nothing of [undefined, null, '', 'Bearer ']) expect(await service.authenticate(nothing)).toBe(anonymous)
    expect(lookUps).toBe(0)
  })
})
