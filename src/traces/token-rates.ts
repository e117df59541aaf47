import { decimalFromFloat, decimalOf, unitsOf } from '../decimal.ts'

/** What a model call used, as it is priced. */
export interface TokenCounts {
  /** Whole numbers from 0; those that came from a cache are counted here, too. */
  inputTokens: number | null
  /** Those that went into reasoning are counted here, too. */
  outputTokens: number | null
  cachedInputTokens: number | null
  reasoningTokens: number | null
}

/** What a million tokens cost; null where the model has no price of that kind. */
export interface TokenRates {
  input: Rate | null
  /** Null: as other input. */
  cachedInput: Rate | null
  output: Rate | null
  /** Null: as other output. */
  reasoning: Rate | null
  /** What a million calls cost, whatever their size: search models have such a fee. */
  call: bigint
}

/** In USD as integers of `ratePlaces` decimal places. Calls with more input than `above` pay `rate` for all of it. */
export interface Rate {
  base: bigint
  steps: { above: number; rate: bigint }[]
}

/** Prices have fewer places; so a cost, a millionth of them, has 18 at most and is never rounded. */
export const ratePlaces = 12
const costPlaces = ratePlaces + 6

export function flatRate(pricePerMillion: string): Rate {
  return { base: unitsOf(pricePerMillion, ratePlaces), steps: [] }
}

export function rateUnits(price: number): bigint {
  return unitsOf(decimalFromFloat(price, ratePlaces) ?? '0', ratePlaces)
}

/**
 * In USD, exact. Null where nothing is known to price, or where tokens were used that the model has no price for: a
 * transcription that is billed by the minute is not free. A part is at most its whole, whatever was counted.
 */
export function costAt(rates: TokenRates, counts: TokenCounts): string | null {
  const { inputTokens, outputTokens } = counts
  if (inputTokens === null && outputTokens === null) return null
  const cached = counts.cachedInputTokens ?? 0
  const reasoning = rates.reasoning ? (counts.reasoningTokens ?? 0) : 0
  const input = Math.max(inputTokens ?? 0, cached)
  const output = Math.max(outputTokens ?? 0, reasoning)
  if (!rates.input && (input > 0 || !rates.output)) return null
  if (!rates.output && output > 0) return null
  const cost =
    charge(rates.input, input - cached, input) +
    charge(rates.cachedInput ?? rates.input, cached, input) +
    charge(rates.output, output - reasoning, input) +
    charge(rates.reasoning, reasoning, input) +
    rates.call
  return decimalOf(cost, costPlaces)
}

function charge(rate: Rate | null, tokens: number, inputTokens: number): bigint {
  if (!rate || tokens === 0) return 0n
  let units = rate.base
  for (const step of rate.steps) if (inputTokens > step.above) units = step.rate
  return units * BigInt(tokens)
}
