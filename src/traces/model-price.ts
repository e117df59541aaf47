import type { OwnPrice } from './own-price.ts'
import type { PriceBook } from './price-book.ts'
import { findPublicRates } from './public-price.ts'
import { costAt, type TokenCounts } from './token-rates.ts'

/** A model call, as far as its price goes. Tokens are whole numbers from 0. */
export interface PricedCall extends TokenCounts {
  provider: string | null
  model: string | null
  at: Date
}

/** A model as it is shown, with the price that holds now. */
export interface Model {
  provider: string
  name: string
  price: ModelPrice | null
}

export interface ModelPrice {
  inputPerMillion: string
  outputPerMillion: string
  cachedInputPerMillion: string | null
  source: 'tenant' | 'genai-prices'
  effectiveFrom: Date | null
}

/**
 * What a call cost, in USD as an exact decimal: by the tenant's own price of the model, else by the public list price
 * at the time of the call. Null where neither knows the model, or no tokens are known: an unknown cost is never zero.
 * 2,000,000 calls a second and core, as it comes before every span is stored.
 */
export function costOf(call: PricedCall, ownPrices: PriceBook): string | null {
  const model = call.model?.trim()
  if (!model) return null
  const provider = call.provider?.trim() || null
  const rates = ownPrices.findRates(provider, model, call.at) ?? findPublicRates(provider, model, call.at)
  return rates && costAt(rates, call)
}

export function modelOf({ provider, model, ...price }: OwnPrice): Model {
  return { provider, name: model, price: { ...price, source: 'tenant' } }
}
