import { setTimeout as pause } from 'node:timers/promises'
import { cleanText } from '../clean.ts'
import { InvalidInputError } from '../errors.ts'
import { shown } from '../shown.ts'
import { requireScope, type Viewer } from '../tenants/viewer.ts'
import { isLongerThan } from '../text-length.ts'
import type { ReasoningTrace } from './reasoning.ts'
import { checkReasoningFilter, type ReasoningFilter } from './reasoning-filter.ts'
import type { ReasoningSearchRepository } from './reasoning-search.repository.ts'
import {
  anyWordOf,
  findLike,
  fuseRankings,
  type Like,
  meaningWeightOf,
  type QueryWord,
  wordQueryOf,
  wordsWeight,
} from './reasoning-search.ts'
import { createWordFrequencies } from './word-frequencies.ts'

export interface SearchReasoningInput {
  query: string
  limit?: number | null | undefined
  filter?: ReasoningFilter | null | undefined
}

/** By what a record can be found. */
export type SearchMeans = 'WORDS' | 'MEANING'

export interface ReasoningHit {
  trace: ReasoningTrace
  /** From 0 to 1; of one result, higher is better. */
  score: number
  /** The cosine of its meaning and the question's; null: that was not looked at. */
  likeness: number | null
  foundBy: SearchMeans[]
}

interface Dependencies {
  search: Pick<ReasoningSearchRepository, 'splitWords' | 'countWords' | 'findByWords' | 'findByMeaning'>
  records: { findRecords(tenantId: string, ids: readonly string[]): Promise<ReasoningTrace[]> }
  encoder: {
    readonly model: string
    encode(texts: readonly (readonly string[])[], signal?: AbortSignal): Promise<(Float32Array | null)[]>
  }
  /** Told once when vectors stop to come, and once when they come again. */
  outage: { began(error: unknown): void; ended(): void }
  /** How long a search waits for the vector of its query. */
  encodeMs?: number
  now?: () => number
}

const maxQuery = 2_000
const maxHits = 100
const defaultHits = 10
/** So many of each ranking are put together. */
const rankedEach = 400
/** As vectors a megabyte. */
const rememberedQueries = 500
/** Nobody waits again for an encoder that has just failed. */
const awayMs = 5_000

/**
 * By words and by meaning at once, put together by rank. A record is found by its words as soon as it is stored, and by
 * its meaning as soon as a worker has reckoned its vector. Where the encoder is away, words alone answer.
 */
export function createReasoningSearchService(dependencies: Dependencies) {
  const { search, records, encoder, outage, encodeMs = 8_000, now = Date.now } = dependencies
  const frequencies = createWordFrequencies(now)
  const splitWords = rememberAnswers(rememberedQueries, (query) => search.splitWords(query))
  const encodeQuery = rememberAnswers(rememberedQueries, encode)
  let awayUntil = 0
  let encodedAt = 0

  async function encode(query: string): Promise<Float32Array | null> {
    const [vector = null] = await encoder.encode([[query]], AbortSignal.timeout(encodeMs))
    encodedAt = now()
    return vector
  }

  /** Null: none can be had now, or the query has nothing that could be encoded. */
  async function findVector(query: string): Promise<Float32Array | null> {
    if (now() < awayUntil) return null
    const stop = new AbortController()
    try {
      const late = pause(encodeMs, undefined, { signal: stop.signal, ref: false }).then(() => {
        throw new LateError(`The encoder did not answer within ${encodeMs} ms.`)
      })
      const vector = await Promise.race([encodeQuery(query), late])
      outage.ended()
      return vector
    } catch (error) {
      // Who is busy with what others ask is not away.
      const isBusy = isLate(error) && now() - encodedAt <= encodeMs
      if (!isBusy) {
        awayUntil = now() + awayMs
        outage.began(error)
      }
      return null
    } finally {
      stop.abort()
    }
  }

  async function findByMeaning(tenantId: string, query: string, filter: ReasoningFilter): Promise<Like[] | null> {
    const vector = await findVector(query)
    if (!vector) return null
    const near = await search.findByMeaning(tenantId, { model: encoder.model, vector, filter })
    return findLike(vector, near)
  }

  async function countWords(tenantId: string, quoted: readonly string[]): Promise<QueryWord[]> {
    const unknown = quoted.filter((word) => !frequencies.find(tenantId, word))
    const counted = unknown.length > 0 ? await search.countWords(tenantId, unknown) : []
    for (const word of counted) frequencies.add(tenantId, word)
    const known = new Map(counted.map((word) => [word.quoted, word]))
    return quoted.flatMap((word) => known.get(word) ?? frequencies.find(tenantId, word) ?? [])
  }

  /** Where what is rare finds too few, what is frequent is looked for, too: under a filter that may be rare itself. */
  async function findByWords(
    tenantId: string,
    query: string,
    { filter, limit }: { filter: ReasoningFilter; limit: number },
  ): Promise<string[]> {
    const wordQuery = wordQueryOf(await countWords(tenantId, await splitWords(query)))
    if (!wordQuery) return []
    const found = await search.findByWords(tenantId, wordQuery, filter, rankedEach)
    const any = anyWordOf(wordQuery)
    if (found.length >= limit || any.rare === wordQuery.rare) return found
    return [...new Set([...found, ...(await search.findByWords(tenantId, any, filter, rankedEach))])]
  }

  return {
    async search(viewer: Viewer, input: SearchReasoningInput): Promise<ReasoningHit[]> {
      requireScope(viewer, 'READ')
      const { tenantId } = viewer
      const query = readQuery(input.query)
      const limit = readLimit(input.limit)
      const filter = checkReasoningFilter(input.filter)
      const [byWords, like] = await Promise.all([
        findByWords(tenantId, query, { filter, limit }),
        findByMeaning(tenantId, query, filter),
      ])
      const byMeaning = like?.slice(0, rankedEach).map(({ id }) => id)
      const hits = fuseRankings([
        { ids: byWords, weight: wordsWeight },
        ...(byMeaning ? [{ ids: byMeaning, weight: meaningWeightOf(query) }] : []),
      ]).slice(0, limit)
      const found = await records.findRecords(
        tenantId,
        hits.map(({ id }) => id),
      )
      const byId = new Map(found.map((trace) => [trace.id, trace]))
      const likeness = new Map(like?.map((each) => [each.id, each.likeness]))
      const [words, meaning] = [new Set(byWords), new Set(byMeaning)]
      const meansOf = (id: string): SearchMeans[] => [
        ...(words.has(id) ? (['WORDS'] as const) : []),
        ...(meaning.has(id) ? (['MEANING'] as const) : []),
      ]
      // One that was deleted meanwhile is left out.
      return hits.flatMap(({ id, score }) => {
        const trace = byId.get(id)
        return trace ? [{ trace, score, likeness: likeness.get(id) ?? null, foundBy: meansOf(id) }] : []
      })
    },
  }
}

class LateError extends Error {}

function isLate(error: unknown): boolean {
  return error instanceof LateError || (error as { name?: unknown }).name === 'TimeoutError'
}

/** The answers to what was asked last; whoever asks while it is being answered gets the same, and a failure isn't kept. */
function rememberAnswers<Answer>(limit: number, ask: (question: string) => Promise<Answer>) {
  const known = new Map<string, Promise<Answer>>()
  return (question: string): Promise<Answer> => {
    const answer = known.get(question) ?? ask(question)
    known.delete(question)
    known.set(question, answer)
    answer.catch(() => known.get(question) === answer && known.delete(question))
    const oldest = known.size > limit ? known.keys().next().value : undefined
    if (oldest !== undefined) known.delete(oldest)
    return answer
  }
}

function readQuery(given: string): string {
  const query = cleanText(given).trim()
  if (query === '' || isLongerThan(query, maxQuery)) {
    throw new InvalidInputError(
      'query',
      `A query has 1 to ${maxQuery} characters; got ${query === '' ? 'none' : 'more'}.`,
    )
  }
  return query
}

function readLimit(given: number | null | undefined): number {
  const limit = given ?? defaultHits
  if (!Number.isInteger(limit) || limit < 1 || limit > maxHits) {
    throw new InvalidInputError('limit', `A search answers with 1 to ${maxHits} records; got ${shown(given)}.`)
  }
  return limit
}
