import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { createSentenceEncoder } from '../src/models/sentence-encoder.ts'
import { createReasoningSearchRepository } from '../src/reasoning/reasoning-search.repository.ts'
import { rankByMeaning, wordQueryOf } from '../src/reasoning/reasoning-search.ts'
import { withEmptyProduct } from './harness/dataset.ts'
import type { BenchReport, Row } from './harness/result.ts'
import type { Workbench } from './harness/workbench.ts'

interface Question {
  kind: 'meaning' | 'identifier'
  question: string
  answers: string[]
  heldOut: boolean
}

/** The ids that each way of searching gives, the best first. */
type Ranks = Record<'words' | 'meaning' | 'both', string[]>

const store = 'mutation Store($input: StoreReasoningInput!) { storeReasoning(input: $input) { id } }'
const search = 'query Search($query: String!) { searchReasoning(query: $query, limit: 100) { trace { id } } }'
const goal = 0.4

/**
 * How often what answers a question is found, and how far in front: by words alone, by meaning alone, and as the product
 * puts both together. What is tuned on is told apart from what isn't looked at while tuning (bench/search-quality).
 */
export function bench(): Promise<BenchReport> {
  return withEmptyProduct('search-quality', async (bench, key) => {
    const records = await read<{ id: string }[]>('records')
    for (const input of records) await bench.ask(key, store, { input })
    while ((await bench.sql.query('select from reasoning_due limit 1')).rowCount) await pause(100)
    const asked = await askAll(bench, key, await read<Question[]>('questions'))
    const table = ['meaning', 'identifier'].flatMap((kind) =>
      [false, true].flatMap((heldOut) => {
        const some = asked.filter(({ question }) => question.kind === kind && question.heldOut === heldOut)
        return (['words', 'meaning', 'both'] as const).map((way) => ({
          questions: `${some.length}, ${kind}${heldOut ? ', held out' : ''}`,
          'found by': way,
          ...measure(some.map(({ question, ranks }) => ({ answers: question.answers, ids: ranks[way] }))),
        }))
      }),
    )
    const ours = table.find((row) => row.questions.endsWith('meaning, held out') && row['found by'] === 'both')
    const result = { name: 'search-quality', ours: ours?.MRR ?? 0, reference: null, unit: 'MRR', ratio: null }
    return {
      result: { ...result, goal: `>= ${goal}`, detail: { records: records.length, table } },
      table: table as Row[],
    }
  })
}

async function read<Content>(name: string): Promise<Content> {
  return JSON.parse(await readFile(new URL(`./search-quality/${name}.json`, import.meta.url), 'utf8'))
}

async function askAll({ ask, databaseUrl }: Workbench, key: string, questions: readonly Question[]) {
  const { viewer } = await ask<{ viewer: { tenant: { id: string } } }>(key, '{ viewer { tenant { id } } }')
  const tenantId = viewer.tenant.id
  const pool = new pg.Pool({ connectionString: databaseUrl })
  const encoder = createSentenceEncoder()
  const parts = createReasoningSearchRepository(pool)

  async function rank(query: string): Promise<Ranks> {
    const words = wordQueryOf(await parts.countWords(tenantId, await parts.splitWords(query)))
    const [vector] = await encoder.encode([[query]])
    const near = vector ? await parts.findByMeaning(tenantId, { model: encoder.model, vector, filter: {} }) : []
    const { searchReasoning } = await ask<{ searchReasoning: { trace: { id: string } }[] }>(key, search, { query })
    return {
      words: words ? await parts.findByWords(tenantId, words, {}, 100) : [],
      meaning: vector ? rankByMeaning(vector, near).slice(0, 100) : [],
      both: searchReasoning.map(({ trace }) => trace.id),
    }
  }

  try {
    const asked: { question: Question; ranks: Ranks }[] = []
    for (const question of questions) asked.push({ question, ranks: await rank(question.question) })
    return asked
  } finally {
    await encoder.close()
    await pool.end()
  }
}

/** Of the first that answers. */
function measure(asked: readonly { answers: readonly string[]; ids: readonly string[] }[]) {
  const places = asked.map(({ answers, ids }) => ids.findIndex((id) => answers.includes(id)) + 1)
  const share = (test: (place: number) => number) =>
    Number((places.reduce((sum, place) => sum + (place > 0 ? test(place) : 0), 0) / places.length).toFixed(3))
  return {
    MRR: share((place) => 1 / place),
    'recall@1': share((place) => Number(place <= 1)),
    'recall@5': share((place) => Number(place <= 5)),
    'recall@10': share((place) => Number(place <= 10)),
  }
}
