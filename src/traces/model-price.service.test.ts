import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { Viewer } from '../tenants/viewer.ts'
import type { ModelPriceRepository } from './model-price.repository.ts'
import { createModelPriceService } from './model-price.service.ts'
import type { OwnPrice } from './own-price.ts'

describe('costs by the prices of a tenant', () => {
  const call = {
    provider: 'own',
    model: 'm',
    at: new Date(),
    inputTokens: 1_000_000,
    outputTokens: null,
    cachedInputTokens: null,
    reasoningTokens: null,
  }
  const viewer: Viewer = { tenantId: 'tn_1', keyId: 'k', keyName: '', scopes: ['ADMIN', 'READ'], expiresAt: null }
  const input = { provider: 'own', model: 'm', inputPerMillion: '1', outputPerMillion: '1' }
  let stored: OwnPrice[]
  let reads: number
  let list: ModelPriceRepository['listPrices']
  let listeners: Map<string, () => void>
  let woken: string[]
  let service: ReturnType<typeof createModelPriceService>

  beforeEach(() => {
    vi.useRealTimers()
    stored = []
    reads = 0
    list = async () => [...stored]
    listeners = new Map()
    woken = []
    service = createModelPriceService({
      prices: {
        listPrices(tenantId) {
          reads++
          return list(tenantId)
        },
        async storePrice(_, price) {
          stored.push(price)
        },
      },
      bus: {
        wake: (topic) => void woken.push(topic),
        listen(topic, onWake) {
          if (listeners.has(topic)) throw new Error(`${topic} is listened to twice`)
          listeners.set(topic, onWake)
          return () => void listeners.delete(topic)
        },
      },
    })
  })

  const price = (inputPerMillion: string): OwnPrice => ({
    ...input,
    inputPerMillion,
    effectiveFrom: new Date(0),
    cachedInputPerMillion: null,
  })
  const costs = (tenantId = 'tn_1') => service.computeCosts(tenantId, [call, { ...call, model: null }])

  test('one for each call, from one query for many at once', async () => {
    stored = [price('3')]
    const answers = await Promise.all(Array.from({ length: 50 }, () => costs()))
    expect(new Set(answers.map(String))).toEqual(new Set([String(['3', null])]))
    expect([reads, listeners.size]).toEqual([1, 1])
    expect(await service.computeCosts('tn_2', [])).toEqual([])
    expect(reads).toBe(1)
  })

  test('read again within a second, and after a wake-up at once', async () => {
    vi.useFakeTimers()
    expect(await costs()).toEqual([null, null])
    stored = [price('3')]
    vi.advanceTimersByTime(999)
    expect(await costs()).toEqual([null, null])
    vi.advanceTimersByTime(1)
    expect(await costs()).toEqual(['3', null])
    stored = [price('4')]
    listeners.get('prices/tn_1')?.()
    expect(await costs()).toEqual(['4', null])
    expect([reads, listeners.size]).toEqual([3, 1])
  })

  test('a wake-up while they are read is not lost', async () => {
    let answer: (prices: OwnPrice[]) => void = () => {}
    list = () =>
      new Promise((resolve) => {
        answer = resolve
      })
    const overtaken = costs()
    listeners.get('prices/tn_1')?.()
    answer([price('1')])
    list = async () => [price('2')]
    expect([await overtaken, await costs()]).toEqual([
      ['1', null],
      ['2', null],
    ])
  })

  test('a failure is told to who asked, and not remembered', async () => {
    list = () => Promise.reject(new Error('no database'))
    await expect(costs()).rejects.toThrow('no database')
    list = async () => [price('1')]
    expect(await costs()).toEqual(['1', null])
  })

  test('whoever sets a price sees it at once, and wakes the others', async () => {
    await costs()
    const model = await service.setModelPrice(viewer, input)
    expect(model).toMatchObject({ provider: 'own', name: 'm', price: { inputPerMillion: '1', source: 'tenant' } })
    expect(woken).toEqual(['prices/tn_1'])
    expect(await costs()).toEqual(['1', null])
  })

  test('tenants that are quiet, or too many, are forgotten with their listeners', async () => {
    vi.useFakeTimers()
    await costs('tn_quiet')
    for (let i = 0; i < 1_500; i++) await costs(`tn_${i}`)
    expect([listeners.size, listeners.has('prices/tn_quiet')]).toEqual([1_000, false])
    await costs('tn_1')
    expect(listeners.has('prices/tn_1')).toBe(true)
    vi.advanceTimersByTime(60_000)
    await costs('tn_new')
    expect([...listeners.keys()]).toEqual(['prices/tn_new'])
    service.close()
    expect(listeners.size).toBe(0)
  })

  test('a tenant prices so many models, and changes those it has', async () => {
    stored = Array.from({ length: 1_000 }, (_, i) => ({ ...price('1'), model: `m${i}` }))
    await expect(service.setModelPrice(viewer, input)).rejects.toMatchObject({
      code: 'QUOTA_EXCEEDED',
      details: { field: 'input.model', max: 1_000 },
    })
    await service.setModelPrice(viewer, { ...input, model: 'M999' })
    expect(stored).toHaveLength(1_001)
  })
})
