import { dotProduct } from './signature.ts'

/** A word of a query as PostgreSQL quotes it, and in how many of so many records it stands; many are estimated. */
export interface QueryWord {
  quoted: string
  records: number
  all: number
}

/** What to look for, as texts of `tsquery`, and what each word counts where it is found. */
export interface WordQuery {
  /** Any of the rare words. */
  rare: string
  /** What is left to look for where words are in too many records to look at: several of those at once. */
  common: string
  words: string[]
  weights: number[]
}

/** So many records are ranked: 10 ms. */
export const maxRanked = 1_000
/** Of the frequent words, as many of the rarest: six make 15 pairs. */
const maxCommon = 6
/** Words of one subject stand together so much more often than by chance. */
const togetherness = 3
/**
 * Of a name, each two pieces that follow each other. So much more than a piece that a record of the name comes before
 * any that has only its pieces, however often, and in its summary: those take four times as much for a word.
 */
const pairWeight = 8

/**
 * A word that stands in half of 100,000 records says little, and to look at each of them takes a quarter of a second. So
 * rare words are looked for each by itself, as long as all of them find no more than can be ranked; of the others, two
 * have to stand in a record, or, where that is too many again, all. In what is found then every word counts.
 */
export function wordQueryOf(given: readonly QueryWord[]): WordQuery | null {
  if (given.length === 0) return null
  const sorted = given.toSorted((one, other) => one.records - other.records)
  let expected = 0
  const rare = sorted.filter(({ records }) => {
    expected += records
    return expected <= maxRanked
  })
  expected = rare.reduce((sum, { records }) => sum + records, 0)
  const rest = sorted.slice(rare.length, rare.length + maxCommon)
  const common: string[] = []
  for (const { quoted, records } of pairsOf(rest)) {
    if (expected + records > maxRanked) break
    expected += records
    common.push(quoted)
  }
  // Found by nothing else, it is looked for though it is more than can be ranked.
  if (expected < 1 && rest.length > 0) common.push(allOf(rest))
  return {
    rare: rare.map(({ quoted }) => quoted).join(' | '),
    common: common.join(' | '),
    words: given.map(({ quoted }) => quoted),
    weights: given.map((word) => rarityOf(word) * (isPair(word) ? pairWeight : 1)),
  }
}

/** Any of the words, however many records they are in: more than can be ranked are cut off. */
export function anyWordOf({ words, weights }: WordQuery): WordQuery {
  return { rare: words.join(' | '), common: '', words, weights }
}

/** The rarest first. */
function pairsOf(words: readonly QueryWord[]): Pick<QueryWord, 'quoted' | 'records'>[] {
  return words
    .flatMap((one, index) =>
      words.slice(index + 1).map((other) => ({
        quoted: allOf([one, other]),
        records: Math.min(one.records, (togetherness * one.records * other.records) / Math.max(one.all, 1)),
      })),
    )
    .sort((one, other) => one.records - other.records)
}

function allOf(words: readonly QueryWord[]): string {
  return `(${words.map(({ quoted }) => quoted).join(' & ')})`
}

function isPair({ quoted }: QueryWord): boolean {
  return quoted.includes(' ')
}

/** As BM25 has it: nearly 0 for what is in every record. */
function rarityOf({ records, all }: QueryWord): number {
  return Math.log(1 + (Math.max(all - records, 0) + 0.5) / (records + 0.5))
}

export interface Like {
  id: string
  /** The cosine of two meanings. */
  likeness: number
}

/** The most alike first. What is of another length is of another model, whatever it is called. */
export function findLike(asked: Float32Array, found: readonly { id: string; vector: Float32Array }[]): Like[] {
  return found
    .filter(({ vector }) => vector.length === asked.length)
    .map(({ id, vector }) => ({ id, likeness: dotProduct(asked, vector) }))
    .sort((one, other) => other.likeness - one.likeness || (one.id < other.id ? -1 : 1))
}

export function rankByMeaning(asked: Float32Array, found: readonly { id: string; vector: Float32Array }[]): string[] {
  return findLike(asked, found).map(({ id }) => id)
}

export interface Hit {
  id: string
  /** Above 0, up to 1: first by its words and first by its meaning. */
  score: number
}

export interface Ranking {
  /** The best first. */
  ids: readonly string[]
  weight: number
}

/** How soon ranks stop to matter: of 5 to 40 the best on the questions of bench/search-quality that are tuned on. */
const steepness = 10

/** Reciprocal rank fusion: each ranking gives its first the most, the next a little less, and so on. */
export function fuseRankings(rankings: readonly Ranking[]): Hit[] {
  const best = rankings.reduce((sum, { weight }) => sum + weight / (steepness + 1), 0)
  const sums = new Map<string, number>()
  for (const { ids, weight } of rankings) {
    for (const [index, id] of ids.entries()) sums.set(id, (sums.get(id) ?? 0) + weight / (steepness + index + 1))
  }
  return [...sums]
    .map(([id, sum]) => ({ id, score: Math.min(1, sum / best) }))
    .sort((one, other) => other.score - one.score || (one.id < other.id ? -1 : 1))
}

export const wordsWeight = 1
/** Measured like the steepness: of 0.25 to 3 the best. */
const proseWeight = 3
/** Of a name among other words, and of one or two words: whoever types no more means those. */
const mixedWeight = 0.5
const fewWords = 2
/** So little that it only decides between equals. */
const identifierWeight = 0.05

/**
 * How much meaning counts against words. An encoder reads `ECONNRESET` as it reads any word that it doesn't know: who
 * names something wants what names it.
 */
export function meaningWeightOf(query: string): number {
  const words = query.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word))
  const identifiers = words.filter(isIdentifier).length
  if (identifiers === 0) return words.length > fewWords ? proseWeight : mixedWeight
  return identifiers * 2 >= words.length ? identifierWeight : mixedWeight
}

/** `ECONNRESET`, `INC-20417`, `src/traces/list.ts`, `maxRetries`, `user_id`, `v1.2.3`; not `Redis`, `re-read` or `well.` */
function isIdentifier(word: string): boolean {
  const inner = word.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '')
  return identifierShapes.some((shape) => shape.test(inner))
}

const identifierShapes = [
  /\p{L}.*\p{N}|\p{N}.*\p{L}|\p{N}{3}/u,
  /[\p{L}\p{N}][./_:@#\\]+[\p{L}\p{N}]/u,
  /^\p{Lu}{4,}|^\p{Ll}+\p{Lu}|^(?:\p{Lu}\p{Ll}+){3}/u,
]
