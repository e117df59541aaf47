import type { OwnPrice } from './own-price.ts'
import { providerOf } from './provider-name.ts'
import { flatRate, type TokenRates } from './token-rates.ts'

/** A tenant's own prices, so that the one of a call is found at once. */
export interface PriceBook {
  findRates(provider: string | null, model: string, at: Date): TokenRates | null
  hasPrice(model: Pick<OwnPrice, 'provider' | 'model'>): boolean
  /** The price of each model that holds now, by provider and model. */
  listCurrent(): OwnPrice[]
}

interface Entry {
  from: number
  price: OwnPrice
  rates: TokenRates
}

const separator = '\n'

/** Names are compared in lower case; the provider as it was spelled goes before another name of the same provider. */
export function priceBookOf(prices: readonly OwnPrice[]): PriceBook {
  const spelled = new Map<string, Entry[]>()
  const named = new Map<string, Entry[]>()
  const byModel = new Map<string, Set<string>>()
  for (const price of newestFirst(prices)) {
    const entry = { from: price.effectiveFrom.getTime(), price, rates: ratesOf(price) }
    const model = keyOf(price.model)
    const provider = providerOf(price.provider)
    append(spelled, `${keyOf(price.provider)}${separator}${model}`, entry)
    append(named, `${provider}${separator}${model}`, entry)
    byModel.set(model, (byModel.get(model) ?? new Set()).add(provider))
  }

  function findEntries(provider: string | null, model: string): Entry[] | undefined {
    if (provider !== null) {
      return (
        spelled.get(`${keyOf(provider)}${separator}${model}`) ??
        named.get(`${providerOf(provider)}${separator}${model}`)
      )
    }
    const [only, ...others] = byModel.get(model) ?? []
    return only === undefined || others.length > 0 ? undefined : named.get(`${only}${separator}${model}`)
  }

  return {
    findRates(provider, model, at) {
      if (prices.length === 0) return null
      const entries = findEntries(provider, keyOf(model))
      if (!entries) return null
      const time = at.getTime()
      // Whoever sets a price means the model: the first one holds for what came before it, too.
      return (entries.find(({ from }) => from <= time) ?? entries.at(-1))?.rates ?? null
    },
    hasPrice: ({ provider, model }) => spelled.has(`${keyOf(provider)}${separator}${keyOf(model)}`),
    listCurrent() {
      const current = [...spelled.entries()].sort(([a], [b]) => (a < b ? -1 : 1))
      return current.flatMap(([, [newest]]) => (newest ? [newest.price] : []))
    },
  }
}

function newestFirst(prices: readonly OwnPrice[]): OwnPrice[] {
  return [...prices].sort((a, b) => b.effectiveFrom.getTime() - a.effectiveFrom.getTime())
}

function keyOf(name: string): string {
  return name.trim().toLowerCase()
}

function ratesOf({ inputPerMillion, outputPerMillion, cachedInputPerMillion }: OwnPrice): TokenRates {
  return {
    input: flatRate(inputPerMillion),
    cachedInput: cachedInputPerMillion === null ? null : flatRate(cachedInputPerMillion),
    output: flatRate(outputPerMillion),
    reasoning: null,
    call: 0n,
  }
}

function append(map: Map<string, Entry[]>, key: string, entry: Entry): void {
  const entries = map.get(key)
  if (entries) entries.push(entry)
  else map.set(key, [entry])
}
