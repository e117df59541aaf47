import { setImmediate as breath } from 'node:timers/promises'
import type { Pool, PoolClient } from 'pg'
import { inTransaction } from '../infra/transaction.ts'
import * as statement from './search-index-statement.repository.ts'
import { gramsOfNames, type Named, namesOf, type SearchText } from './search-text.ts'
import { maxJsonLength, wordsOfJson } from './search-words.ts'

/**
 * Puts into `search_entries` what `search_due` names: spans, or, by an empty id or none at all, the trace itself with
 * its names, messages, variables and output. Any number of workers may share it:
 *
 * - Whoever is at a trace holds a lock on its id, and reads its contents after getting it: who writes last has read
 *   last. What is due of a trace that somebody else is at is left to them.
 * - What was due goes in the transaction that stores its entries: where that is killed, it is due as before.
 * - Only a trace that is there gets entries, and only of what was read of this one, not of another that had its id:
 *   whoever removes a trace holds its row first and removes its entries afterwards.
 *
 * The feed waits for every transaction that writes. So this one reads and reckons first, and then writes for a tenth
 * of a second at the very most, in one statement; a long list of spans is done in pieces. A crash may take it back:
 * then it is due again.
 *
 * An entry of 1.6 KB and 245 words costs 0.8 ms of a processor of 2026, 0.1 ms of it here and the rest in the index: a
 * core does 2 MB a second.
 */
export type SearchIndexRepository = ReturnType<typeof createSearchIndexRepository>

const maxRows = 100
const maxEntries = 100
const maxWords = 20_000
/** How long others in this process wait, at most, while words are picked. */
const breathMs = 10
/** Stands in no word and in no name. */
const separator = '\u001f'

interface Options {
  /** A million are 32 MB. */
  sortInAfterWords?: number
}

export function createSearchIndexRepository(pool: Pool, { sortInAfterWords = 1_000_000 }: Options = {}) {
  let collectedWords = 0

  /**
   * PostgreSQL collects what is new in a GIN index and sorts it in when there is enough: much at once takes half the
   * work. It would do so in the midst of whichever writing was one too many, for seconds; here nobody waits for it.
   * Until then a search reads what is collected from end to end: 20 ms where it is the most.
   */
  async function sortIn(): Promise<void> {
    if (collectedWords < sortInAfterWords) return
    await inTransaction(pool, (client) => client.query(statement.sortInWords), statement.beginSortIn)
    collectedWords = 0
  }

  return {
    /** Indexes some of what is due. False: nothing is, but for what others are at. */
    async indexSome(): Promise<boolean> {
      const words = await inTransaction(pool, indexSome, statement.begin)
      collectedWords += words ?? 0
      await sortIn()
      return words !== null
    },

    /** What isn't indexed yet of these traces, as it will be found. */
    async findDueTexts(tenantId: string, traceIds: readonly string[]): Promise<Map<string, SearchText>> {
      const { rows } = await pool.query<Place>({
        name: 'find-due-places',
        text: statement.findDuePlaces,
        values: [tenantId, traceIds],
      })
      const [traces, contents] = await Promise.all([findTraces(pool, rows), findContents(pool, rows)])
      const texts = new Map<string, { names: string; pieces: ReadonlySet<string>[] }>()
      const rest = createRest()
      for (const place of rows) {
        const text = texts.get(place.traceId) ?? { names: '', pieces: [] }
        const trace = place.spanId === '' ? traces.get(keyOf(place)) : undefined
        if (trace) text.names = namesOf(trace)
        text.pieces.push(new Set(wordsOfJson(contents.get(keyOf(place)) ?? [])))
        texts.set(place.traceId, text)
        await rest()
      }
      return texts
    },
  }
}

/** What an entry is of: a span, or with an empty `spanId` the trace itself. */
interface Place {
  tenantId: string
  traceId: string
  spanId: string
}

interface DueRow extends Omit<Place, 'spanId'> {
  id: string
  /** The first of them. */
  spanIds: string[]
  /** How many it has in all; none counts as one. */
  length: number
}

interface Trace extends Named, Omit<Place, 'spanId'> {
  createdAt: string
}

interface Entry extends Place {
  names: string | null
  words: string
}

/** JSON texts, as far as they are looked through. */
type Contents = ReadonlyMap<string, (string | null)[]>
type Traces = ReadonlyMap<string, Trace>

/** Says how many words it has stored; null where nothing was due. */
async function indexSome(client: PoolClient): Promise<number | null> {
  const { rows } = await client.query<DueRow>({
    name: 'take-due',
    text: statement.takeDue,
    values: [maxRows, maxEntries],
  })
  if (rows.length === 0) return null
  const places = rows.flatMap(({ spanIds, tenantId, traceId }) =>
    spanIds.map((spanId) => ({ tenantId, traceId, spanId })),
  )
  const traces = await findTraces(client, rows)
  const contents = await findContents(client, places)
  const { entries, done, words } = await makeEntries(places, traces, contents)
  await store(client, { rows, done, entries, traces })
  return words
}

async function findTraces(client: Pool | PoolClient, rows: readonly Omit<Place, 'spanId'>[]): Promise<Traces> {
  const values = columnsOf(rows, ['tenantId', 'traceId'])
  const found = await client.query<Trace>({ name: 'find-due-traces', text: statement.findDueTraces, values })
  return new Map(found.rows.map((trace) => [keyOf({ ...trace, spanId: '' }), trace]))
}

async function findContents(client: Pool | PoolClient, places: readonly Place[]): Promise<Contents> {
  const values = [...columnsOf(places, ['tenantId', 'traceId', 'spanId']), maxJsonLength]
  const found = await client.query({
    name: 'find-due-contents',
    text: statement.findDueContents,
    values,
    rowMode: 'array',
  })
  return new Map(
    found.rows.map(([tenantId, traceId, spanId, ...texts]) => [keyOf({ tenantId, traceId, spanId }), texts]),
  )
}

/** As many as fit into one writing; says of how many places. */
async function makeEntries(places: readonly Place[], traces: Traces, contents: Contents) {
  const entries = new Map<string, Entry>()
  let done = 0
  let words = 0
  const rest = createRest()
  for (const place of places) {
    if (words >= maxWords) break
    done++
    const trace = traces.get(keyOf({ ...place, spanId: '' }))
    const texts = contents.get(keyOf(place))
    if (!trace || entries.has(keyOf(place)) || (place.spanId !== '' && !texts)) continue
    const names = place.spanId === '' ? namesOf(trace) : null
    const found = [...(names === null ? [] : gramsOfNames(names)), ...wordsOfJson(texts ?? [])]
    entries.set(keyOf(place), { ...place, names, words: found.join(separator) })
    words += found.length
    await rest()
  }
  return { entries: [...entries.values()], done, words }
}

/** Lets others in between, now and then. */
function createRest(): () => Promise<void> | undefined {
  let rested = performance.now()
  return () => {
    if (performance.now() - rested < breathMs) return undefined
    return breath().then(() => {
      rested = performance.now()
    })
  }
}

interface Writing {
  rows: readonly DueRow[]
  done: number
  entries: readonly Entry[]
  traces: Traces
}

async function store(client: PoolClient, { rows, done, entries, traces }: Writing): Promise<void> {
  let left = done
  const taken = rows.map((row) => {
    const count = Math.min(left, row.spanIds.length)
    left -= count
    return { ...row, count }
  })
  const values = [
    ...columnsOf(taken, ['tenantId', 'id', 'length', 'count']),
    ...columnsOf([...traces.values()], ['tenantId', 'traceId', 'createdAt']),
    ...columnsOf(entries, ['tenantId', 'traceId', 'spanId', 'names', 'words']),
    separator,
  ]
  await client.query({ name: 'store-entries', text: statement.storeEntries, values })
}

/** For `unnest`. */
function columnsOf<Row>(rows: readonly Row[], columns: readonly (keyof Row)[]): unknown[][] {
  return columns.map((column) => rows.map((row) => row[column]))
}

function keyOf({ tenantId, traceId, spanId }: Place): string {
  return `${tenantId}\0${traceId}\0${spanId}`
}
