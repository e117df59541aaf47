import { compareDecimals, placesOf } from '../decimal.ts'
import { InvalidInputError } from '../errors.ts'
import { requireName } from '../tenants/name.ts'
import { ratePlaces } from './token-rates.ts'

/** What a tenant says a model costs, from a moment on; in USD per million tokens, as exact decimals. */
export interface OwnPrice {
  provider: string
  model: string
  effectiveFrom: Date
  inputPerMillion: string
  outputPerMillion: string
  /** Null: as other input. */
  cachedInputPerMillion: string | null
}

export interface ModelPriceInput {
  provider: string
  model: string
  inputPerMillion: string
  outputPerMillion: string
  cachedInputPerMillion?: string | null | undefined
}

const maxPrice = '1000000'

/** Woken when the tenant has set a price: what is remembered of its prices is read again. */
export function pricesTopic(tenantId: string): string {
  return `prices/${tenantId}`
}

export function newOwnPrice(input: ModelPriceInput, now = new Date()): OwnPrice {
  const cached = input.cachedInputPerMillion ?? null
  return {
    provider: requireName(input.provider, 'input.provider'),
    model: requireName(input.model, 'input.model'),
    effectiveFrom: now,
    inputPerMillion: requirePrice(input.inputPerMillion, 'input.inputPerMillion'),
    outputPerMillion: requirePrice(input.outputPerMillion, 'input.outputPerMillion'),
    cachedInputPerMillion: cached === null ? null : requirePrice(cached, 'input.cachedInputPerMillion'),
  }
}

function requirePrice(price: string, field: string): string {
  const isInRange = compareDecimals(price, '0') >= 0 && compareDecimals(price, maxPrice) <= 0
  if (isInRange && placesOf(price) <= ratePlaces) return price
  throw new InvalidInputError(
    field,
    `A price is 0 to ${maxPrice} USD per million tokens, with at most ${ratePlaces} decimal places; got ${price}.`,
  )
}
