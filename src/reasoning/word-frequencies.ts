import type { QueryWord } from './reasoning-search.ts'

/**
 * In how many records of a tenant a word stands. To count 1,000 of them takes 10 ms, and as much again to find where
 * they begin: so it is believed for some minutes. It decides what words count, and not what is found by a rare one.
 */
export interface WordFrequencies {
  find(tenantId: string, quoted: string): QueryWord | undefined
  add(tenantId: string, word: QueryWord): void
}

const believedMs = 300_000
/** A megabyte or two. */
const maxWords = 10_000

export function createWordFrequencies(now: () => number = Date.now): WordFrequencies {
  const known = new Map<string, { word: QueryWord; at: number }>()
  const keyOf = (tenantId: string, quoted: string) => `${tenantId} ${quoted}`

  return {
    find(tenantId, quoted) {
      const found = known.get(keyOf(tenantId, quoted))
      return found && now() - found.at < believedMs ? found.word : undefined
    },
    add(tenantId, word) {
      const key = keyOf(tenantId, word.quoted)
      known.delete(key)
      known.set(key, { word, at: now() })
      const oldest = known.size > maxWords ? known.keys().next().value : undefined
      if (oldest !== undefined) known.delete(oldest)
    },
  }
}
