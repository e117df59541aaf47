import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../test/harness/database.ts'
import { createModelPriceRepository, type ModelPriceRepository } from './model-price.repository.ts'
import type { OwnPrice } from './own-price.ts'

describe('stored prices', () => {
  let database: TestDatabase
  let pool: pg.Pool
  let prices: ModelPriceRepository

  beforeAll(async () => {
    database = await createDatabase()
    pool = new pg.Pool({ connectionString: database.url })
    prices = createModelPriceRepository(pool)
  })
  afterAll(async () => {
    await pool.end()
    await database.drop()
  })

  const price = (change: Partial<OwnPrice> = {}): OwnPrice => ({
    provider: 'own',
    model: 'm',
    effectiveFrom: new Date('2026-11-20T12:00:00.123Z'),
    inputPerMillion: '0.000000000001',
    outputPerMillion: '1000000',
    cachedInputPerMillion: null,
    ...change,
  })

  test('come back as they were, of their tenant alone', async () => {
    const stored = [price(), price({ model: 'n', cachedInputPerMillion: '0' })]
    for (const each of stored) await prices.storePrice('tn_a', each)
    await prices.storePrice('tn_b', price({ inputPerMillion: '7' }))
    expect(await prices.listPrices('tn_a')).toEqual(stored)
    expect(await prices.listPrices('tn_c')).toEqual([])
  })

  test('come back without the zeros that they were written with', async () => {
    await prices.storePrice(
      'tn_f',
      price({ inputPerMillion: '1.50', outputPerMillion: '20', cachedInputPerMillion: '0.00' }),
    )
    const [stored] = await prices.listPrices('tn_f')
    expect(stored).toMatchObject({ inputPerMillion: '1.5', outputPerMillion: '20', cachedInputPerMillion: '0' })
  })

  test('of two at the same moment, the later one stays', async () => {
    await prices.storePrice('tn_d', price({ cachedInputPerMillion: '1' }))
    await prices.storePrice('tn_d', price({ outputPerMillion: '5' }))
    expect(await prices.listPrices('tn_d')).toEqual([price({ outputPerMillion: '5' })])
  })

  test('of a model, only the latest are listed', async () => {
    await pool.query(`
      insert into model_prices (tenant_id, provider, model, effective_from, input_per_million, output_per_million)
      select 'tn_e', 'own', model, '2026-11-20'::timestamptz + n * interval '1 second', n, 1
      from generate_series(1, 150) n, unnest(array['m', 'n']) model`)
    const listed = await prices.listPrices('tn_e')
    expect(listed).toHaveLength(200)
    expect(Math.min(...listed.map(({ inputPerMillion }) => Number(inputPerMillion)))).toBe(51)
  })
})
