import type { Pool } from 'pg'
import type { OwnPrice } from './own-price.ts'

export type ModelPriceRepository = ReturnType<typeof createModelPriceRepository>

export function createModelPriceRepository(pool: Pool) {
  return {
    /** Of each model the latest ones, more than any history that calls are still priced by. */
    async listPrices(tenantId: string): Promise<OwnPrice[]> {
      const { rows } = await pool.query<OwnPrice>({ name: 'list-model-prices', text: listPrices, values: [tenantId] })
      return rows
    },

    /** Of two at the same moment, the later one stays. */
    async storePrice(tenantId: string, price: OwnPrice): Promise<void> {
      const { provider, model, effectiveFrom } = price
      const { inputPerMillion, outputPerMillion, cachedInputPerMillion } = price
      const values = [
        tenantId,
        provider,
        model,
        effectiveFrom,
        inputPerMillion,
        outputPerMillion,
        cachedInputPerMillion,
      ]
      await pool.query(storePrice, values)
    },
  }
}

/** PostgreSQL keeps the zeros that a number was written with. */
const listPrices = `
  select provider, model, effective_from as "effectiveFrom", trim_scale(input_per_million)::text as "inputPerMillion",
         trim_scale(output_per_million)::text as "outputPerMillion",
         trim_scale(cached_input_per_million)::text as "cachedInputPerMillion"
  from (
    select *, row_number() over (partition by provider, model order by effective_from desc) as place
    from model_prices where tenant_id = $1) prices
  where place <= 100`

const storePrice = `
  insert into model_prices (tenant_id, provider, model, effective_from,
                            input_per_million, output_per_million, cached_input_per_million)
  values ($1, $2, $3, $4, $5, $6, $7)
  on conflict (tenant_id, provider, model, effective_from) do update set
    input_per_million = excluded.input_per_million, output_per_million = excluded.output_per_million,
    cached_input_per_million = excluded.cached_input_per_million`
