/** The same numbers at every run, so that what is measured today is what was measured yesterday. */
export interface Random {
  /** From 0 to below 1. */
  fraction(): number
  whole(min: number, max: number): number
  pick<Item>(items: readonly Item[]): Item
  /** The first come far more often than the last, as with words, agents and models. */
  pickSkewed<Item>(items: readonly Item[]): Item
  hex(length: number): string
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0

  /** mulberry32 */
  function fraction(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }

  const at = <Item>(items: readonly Item[], where: number) => items[Math.floor(where * items.length)] as Item
  return {
    fraction,
    whole: (min, max) => min + Math.floor(fraction() * (max - min + 1)),
    pick: (items) => at(items, fraction()),
    pickSkewed: (items) => at(items, fraction() ** 3),
    hex: (length) => Array.from({ length }, () => Math.floor(fraction() * 16).toString(16)).join(''),
  }
}
