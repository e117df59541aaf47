/**
 * Exact decimals as text, for money: "0.0045". A decimal is in canonical form (no exponent, no "+", no superfluous
 * zeros, no "-0"), so that two are equal when their texts are. `parseDecimal` makes them; the others take no other
 * text. Nothing is ever reckoned in floats: what has to be divided is held as an integer of so many decimal places.
 */
const maxIntegerDigits = 30
const maxFractionDigits = 18
/** Nobody writes longer ones, superfluous zeros and all; it bounds the work on what a stranger sends. */
const maxLength = 100

const form = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,4}))?$/

/**
 * Null for what is no decimal, or has more than 30 digits before the point or 18 behind it. A number counts as its
 * shortest text, and is rounded to 18 places: floats that were reckoned with have long tails (123 * 2.5e-6 is
 * 0.00030749999999999994) that nobody means. A text is exact, and is never rounded.
 */
export function parseDecimal(value: unknown): string | null {
  if (typeof value === 'number') return decimalFromFloat(value, maxFractionDigits)
  if (typeof value !== 'string' || value.length > maxLength) return null
  const parts = partsOf(value)
  return parts && write(parts)
}

/** Rounded to so many places (18 at most), half away from zero; null for what is not finite or far too large. */
export function decimalFromFloat(value: number, places: number): string | null {
  const parts = partsOf(String(value))
  return parts && write(rounded(parts, places))
}

export function addDecimals(decimals: readonly string[]): string {
  let units = 0n
  let places = 0
  for (const decimal of decimals) {
    const more = placesOf(decimal) - places
    if (more > 0) {
      units *= 10n ** BigInt(more)
      places += more
    }
    units += unitsOf(decimal, places)
  }
  return decimalOf(units, places)
}

/** Negative where a is less than b, positive where it is more: for `sort`. */
export function compareDecimals(a: string, b: string): -1 | 0 | 1 {
  if (a === b) return 0
  const places = Math.max(placesOf(a), placesOf(b))
  return unitsOf(a, places) < unitsOf(b, places) ? -1 : 1
}

/** As an integer of that many decimal places: "1.5" is 1500 at 3. Refused where a digit would be lost. */
export function unitsOf(decimal: string, places: number): bigint {
  const missing = places - placesOf(decimal)
  if (missing < 0) throw new RangeError(`${decimal} has more than ${places} decimal places`)
  return BigInt(decimal.replace('.', '') + '0'.repeat(missing))
}

/** The other way: 1500 at 3 is "1.5". */
export function decimalOf(units: bigint, places: number): string {
  const text = String(units)
  const isNegative = text.startsWith('-')
  const digits = isNegative ? text.slice(1) : text
  return spell({ isNegative, digits, point: digits.length - places })
}

export function placesOf(decimal: string): number {
  const point = decimal.indexOf('.')
  return point < 0 ? 0 : decimal.length - point - 1
}

/** 0.00123 is the digits 123 with the point at -2, 12300 the digits 123 with the point at 5. */
interface Parts {
  isNegative: boolean
  digits: string
  point: number
}

function partsOf(text: string): Parts | null {
  const match = form.exec(text)
  if (!match) return null
  const [, sign, integer = '', fraction = '', exponent = '0'] = match
  return trimmed({ isNegative: sign === '-', digits: integer + fraction, point: integer.length + Number(exponent) })
}

function trimmed({ isNegative, digits, point }: Parts): Parts {
  let start = 0
  let end = digits.length
  while (start < end && digits[start] === '0') start++
  while (end > start && digits[end - 1] === '0') end--
  return { isNegative, digits: digits.slice(start, end), point: point - start }
}

function rounded(parts: Parts, places: number): Parts {
  const { isNegative, digits, point } = parts
  const kept = point + places
  if (digits.length <= kept) return parts
  if (kept < 0) return { isNegative, digits: '', point: 0 }
  const down = BigInt(digits.slice(0, kept) || '0')
  const units = String(digits.charAt(kept) >= '5' ? down + 1n : down)
  return trimmed({ isNegative, digits: units, point: units.length - places })
}

function write(parts: Parts): string | null {
  const { digits, point } = parts
  const isTooLong = point > maxIntegerDigits || digits.length - point > maxFractionDigits
  return digits !== '' && isTooLong ? null : spell(parts)
}

function spell(parts: Parts): string {
  const { isNegative, digits, point } = trimmed(parts)
  if (digits === '') return '0'
  const integer = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '0'
  const fraction = point > 0 ? digits.slice(point) : '0'.repeat(-point) + digits
  return `${isNegative ? '-' : ''}${integer}${fraction === '' ? '' : `.${fraction}`}`
}
