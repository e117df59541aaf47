import { calcPrice, type ModelInfo, type ModelPrice, type Provider } from '@pydantic/genai-prices'
import { rememberLatest } from '../remember-latest.ts'
import { isListedProvider, providerOf } from './provider-name.ts'
import { type Rate, rateUnits, type TokenRates } from './token-rates.ts'

/**
 * The public list prices, by `@pydantic/genai-prices`. From it come the look-up of a model (names have dates, regions
 * and versions) and the choice among its prices by the time of the call; the arithmetic is ours, as its is in floats.
 * A look-up goes through up to 700 models with patterns: 7,000 to 57,000 a second. Remembered, 2,000,000.
 */
interface ListedModel {
  /** With this model alone, so that to look again for the price of the hour costs little. */
  provider: Provider
  id: string
  model: ModelInfo
  /** Prices change at midnight or at minutes of the day: 170,000 calls a second without this, of such a model. */
  latest: { minute: number; rates: TokenRates | null } | null
}

const maxNameLength = 200
const latestModels = 5_000
const separator = '\n'

/** Null where the list doesn't know the provider, or of it the model. Without a provider, the model's name decides. */
export function findPublicRates(provider: string | null, model: string, at: Date): TokenRates | null {
  if (model.length > maxNameLength || (provider !== null && provider.length > maxNameLength)) return null
  const listed = findRemembered(`${provider ?? ''}${separator}${model}`)
  return listed && ratesOf(listed, at)
}

const findRemembered = rememberLatest(latestModels, (key) => {
  const [provider = '', ...model] = key.split(separator)
  return findListed(provider, model.join(separator))
})

function findListed(provider: string, model: string): ListedModel | null {
  const slash = model.indexOf('/')
  const prefix = slash < 0 ? '' : model.slice(0, slash)
  const rest = model.slice(slash + 1)
  // `openai/gpt-4o` through a router says itself who answers.
  if (provider === '' || providerOf(provider) === 'litellm') {
    if (isListedProvider(prefix)) return look(providerOf(prefix), rest)
    return provider === '' ? look(undefined, model) : null
  }
  if (!isListedProvider(provider)) return null
  const name = providerOf(provider)
  return look(name, model) ?? (providerOf(prefix) === name ? look(name, rest) : null)
}

function look(providerId: string | undefined, id: string): ListedModel | null {
  const found = calcPrice({}, id, providerId === undefined ? {} : { providerId })
  return found && { provider: { ...found.provider, models: [found.model] }, id, model: found.model, latest: null }
}

function ratesOf(listed: ListedModel, at: Date): TokenRates | null {
  const { model, provider, id } = listed
  if (!Array.isArray(model.prices)) return compiledOf(model.prices, model)
  const minute = Math.floor(at.getTime() / 60_000)
  if (listed.latest?.minute !== minute) {
    const found = calcPrice({}, id, { provider, timestamp: at })
    listed.latest = { minute, rates: found && compiledOf(found.model_price, model) }
  }
  return listed.latest.rates
}

const compiled = new WeakMap<ModelPrice, TokenRates | null>()

function compiledOf(price: ModelPrice, model: ModelInfo): TokenRates | null {
  let rates = compiled.get(price)
  if (rates === undefined) {
    rates = compile(price, model)
    compiled.set(price, rates)
  }
  return rates
}

/** No prices at all are unknown ones, of a subscription or a trial, but for models that say that they are free. */
function compile(price: ModelPrice, { id }: ModelInfo): TokenRates | null {
  if (Object.keys(price).length === 0) return id.endsWith(':free') ? free : null
  return {
    input: rateOf(price.input_mtok),
    cachedInput: rateOf(price.cache_read_mtok),
    output: rateOf(price.output_mtok),
    reasoning: rateOf(price.output_reasoning_mtok),
    call: (rateOf(price.requests_kcount)?.base ?? 0n) * 1_000n,
  }
}

const free: TokenRates = {
  input: { base: 0n, steps: [] },
  cachedInput: null,
  output: { base: 0n, steps: [] },
  reasoning: null,
  call: 0n,
}

function rateOf(price: ModelPrice[string]): Rate | null {
  if (price === undefined) return null
  if (typeof price === 'number') return { base: rateUnits(price), steps: [] }
  const steps = price.tiers.map(({ start, price: rate }) => ({ above: start, rate: rateUnits(rate) }))
  return { base: rateUnits(price.base), steps: steps.sort((a, b) => a.above - b.above) }
}
