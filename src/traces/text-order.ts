/**
 * As the tables order text: by the bytes of UTF-8. Units of UTF-16 have the same order but for surrogates, which stand
 * for what lies beyond all other units. Spans that were never timed all start with their batch: ids are compared often.
 */
export function compareText(one: string, other: string): number {
  if (one === other) return 0
  const length = Math.min(one.length, other.length)
  for (let index = 0; index < length; index++) {
    const unit = one.charCodeAt(index)
    const otherUnit = other.charCodeAt(index)
    if (unit === otherUnit) continue
    return Number(isSurrogate(unit)) - Number(isSurrogate(otherUnit)) || unit - otherUnit
  }
  return one.length - other.length
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xe000
}
