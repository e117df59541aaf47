import { createHash } from 'node:crypto'

/** Chance that can be had again: the same seed gives the same numbers, on every machine. */
export interface Random {
  /** From 0 to below 1. */
  fraction(): number
  whole(min: number, max: number): number
  chance(probability: number): boolean
  pick<Item>(items: readonly Item[]): Item
  /** The first ones far more often than the last, as it is with customers. */
  pickSkewed<Item>(items: readonly Item[]): Item
  pickByShare<Item extends { share: number }>(items: readonly Item[]): Item
  /** Half of them are below the median, and some are far above it: how long things take. */
  around(median: number, spread?: number): number
  hex(length: number): string
}

/** Different seeds give streams that know nothing of each other: every conversation has one of its own. */
export function createRandom(...seed: readonly (string | number)[]): Random {
  const hash = createHash('sha256').update(JSON.stringify(seed)).digest()
  let [a, b, c, counter] = [hash.readInt32LE(0), hash.readInt32LE(4), hash.readInt32LE(8), 1]

  /** sfc32 */
  function fraction(): number {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    c |= 0
    return (sum >>> 0) / 4_294_967_296
  }

  const at = <Item>(items: readonly Item[], where: number) => items[Math.floor(where * items.length)] as Item
  return {
    fraction,
    whole: (min, max) => min + Math.floor(fraction() * (max - min + 1)),
    chance: (probability) => fraction() < probability,
    pick: (items) => at(items, fraction()),
    pickSkewed: (items) => at(items, fraction() ** 3),
    pickByShare(items) {
      const chosen = fraction() * items.reduce((sum, { share }) => sum + share, 0)
      let upTo = 0
      for (const item of items) {
        upTo += item.share
        if (chosen < upTo) return item
      }
      return items.at(-1) as (typeof items)[number]
    },
    around(median, spread = 0.5) {
      const normal = Math.sqrt(-2 * Math.log(1 - fraction())) * Math.cos(2 * Math.PI * fraction())
      return median * Math.exp(spread * normal)
    },
    hex: (length) => Array.from({ length }, () => Math.floor(fraction() * 16).toString(16)).join(''),
  }
}
