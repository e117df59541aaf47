import fc from 'fast-check'
import type { Pool } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../test/harness/database.ts'
import { recordLog } from '../../test/harness/recorded-log.ts'
import { createPool } from '../infra/postgres.ts'
import { createSearchIndexRepository } from './search-index.repository.ts'
import { matchesSearch, namesOf, searchQueryOf } from './search-text.ts'
import { wordsOfJson } from './search-words.ts'
import { traceStatuses } from './trace.ts'
import { whereOf } from './trace-filter.repository.ts'
import { checkFilter, type FilterableTrace, matchesFilter, type TraceFilter } from './trace-filter.ts'
import { toTrace, traceColumns } from './trace-row.repository.ts'

let database: TestDatabase
let pool: Pool

beforeAll(async () => {
  database = await createDatabase()
  // The order in which conditions are evaluated is the planner's: small tables are asked by their indexes too.
  pool = createPool({ databaseUrl: database.url, operationMs: 30_000, logger: recordLog().logger })
})
afterAll(async () => {
  await pool.end()
  await database.drop()
})

// Few of each, so that they meet.
const label = fc.constantFrom('a', 'A', 'ä', 'a\u0308', '東京', '\'"\\', '%_', '{a,b}', 'null', '')
const moments = [
  '0001-01-01T00:00:00.000Z',
  '1883-11-18T12:03:57.001Z',
  '2026-11-21T09:30:00.000Z',
  '9999-12-31T23:59:59.999Z',
]
const moment = fc.constantFrom(...moments)
const duration = fc.constantFrom(0, 5e-324, 0.1, 0.30000000000000004, 1_234.5, 1e15)
const tokens = fc.constantFrom(0, 1, 2_147_483_647, 9_007_199_254_740_991)
const cost = fc.constantFrom('0', '0.000000000000000001', '0.1', '0.10', '0.100000000000000001', '123456789012.5')
const words = fc.constantFrom(
  'error',
  'Straße',
  'STRASSE',
  'İstanbul',
  '東京都',
  '京',
  'กำลังใจ',
  '한국어를',
  'a_b',
  '100%',
  '\\',
  '!!',
  'aaa',
  'aaaa',
  '7',
)
const phrase = fc.array(words, { minLength: 1, maxLength: 2 }).map((all) => all.join(' '))
const { json } = fc.letrec((tie) => ({
  json: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, 0, -0, 1, 1.5, 1e21, '', 'x', '1', '\u0000', 'ä'),
    fc.array(tie('json'), { maxLength: 2 }),
    tie('object'),
  ),
  object: fc.dictionary(fc.constantFrom('a', 'b', '__proto__', 'ä'), tie('json'), { maxKeys: 2 }),
}))
const object = fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), json, { maxKeys: 2 })

const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { freq: 2 })
const trace = fc.record({
  agent: maybe(label),
  name: maybe(phrase),
  prompt_name: maybe(fc.oneof(label, phrase)),
  etag: maybe(label),
  model: maybe(fc.oneof(label, phrase)),
  provider: maybe(label),
  tags: fc.uniqueArray(label, { maxLength: 3 }),
  conversation_id: maybe(label),
  run_id: maybe(label),
  user_id: maybe(label),
  given_status: maybe(fc.nat({ max: 3 })),
  given_success: maybe(fc.boolean()),
  given_outcome: maybe(label),
  given_started_at: moment,
  given_duration_ms: maybe(duration),
  spans_total_tokens: maybe(tokens),
  given_cost: maybe(cost),
  metadata: maybe(object),
  own: maybe(phrase),
  spans: fc.array(phrase, { maxLength: 2 }),
})
type Given = typeof trace extends fc.Arbitrary<infer Value> ? Value : never

const range = <Value>(value: fc.Arbitrary<Value>) =>
  fc.record({ gte: maybe(value), lt: maybe(value) }, { requiredKeys: [] })
const labels = fc.array(label, { maxLength: 3 })
const leaves: { [Field in Exclude<keyof TraceFilter, 'and' | 'or' | 'not'>]: fc.Arbitrary<TraceFilter[Field]> } = {
  ids: fc.array(fc.constantFrom('t0', 't1', 't2', 't3', 'none'), { maxLength: 3 }),
  agents: labels,
  status: fc.array(fc.constantFrom(...traceStatuses), { maxLength: 3 }),
  success: fc.boolean(),
  outcome: label,
  promptName: label,
  etag: label,
  model: label,
  provider: label,
  tagsAll: labels,
  tagsAny: labels,
  search: fc.oneof(
    phrase,
    fc.tuple(words, fc.nat(3), fc.nat(3)).map(([word, from, length]) => part(word, from, length)),
  ),
  conversationId: label,
  runId: label,
  userId: label,
  startedAt: range(moment.map((iso) => new Date(iso))),
  durationMs: range(duration),
  cost: range(cost),
  totalTokens: range(tokens),
  metadata: object,
}
const leaf = fc.oneof(...Object.entries(leaves).map(([field, value]) => value.map((wanted) => ({ [field]: wanted }))))
const { filter } = fc.letrec<{ filter: TraceFilter; filters: TraceFilter[] }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.tuple(leaf, leaf).map(([one, other]) => ({ ...one, ...other })),
    tie('filter').map((not) => ({ not })),
    tie('filters').map((and) => ({ and })),
    tie('filters').map((or) => ({ or })),
    fc.tuple(leaf, tie('filter')).map(([one, not]) => ({ ...one, not })),
  ),
  filters: fc.array(tie('filter'), { maxLength: 3 }),
}))

test('the condition in SQL is met by the traces that the predicate accepts, and by no other', async () => {
  const met = new Map<string, Set<boolean>>()
  let round = 0
  const property = fc.asyncProperty(
    fc.array(trace, { minLength: 8, maxLength: 8 }),
    fc.array(filter, { minLength: 40, maxLength: 40 }),
    async (traces, filters) => {
      const tenantId = `tn_${++round}`
      await insert(tenantId, traces)
      const stored = await read(tenantId, traces)
      const checked = filters.map((each) => checkFilter(each))
      const found = await find(tenantId, checked, round % 2 === 0)
      for (const [index, each] of checked.entries()) {
        const expected = stored.filter((one) => matchesFilter(each, one)).map(({ id }) => id)
        expect(found[index], JSON.stringify(each)).toEqual(expected)
        for (const field of Object.keys(each)) {
          const answers = met.get(field) ?? new Set()
          for (const { id } of stored) answers.add(expected.includes(id))
          met.set(field, answers)
        }
      }
    },
  )
  await fc.assert(property, { numRuns: 150 })
  // Otherwise the generators have come apart from each other.
  for (const field of [...Object.keys(leaves), 'and', 'or', 'not']) {
    expect([...(met.get(field) ?? [])].sort(), field).toEqual([false, true])
  }
})

/** Of each filter the ids, in order. */
async function find(tenantId: string, filters: readonly TraceFilter[], byIndex: boolean): Promise<string[][]> {
  const values: unknown[] = [tenantId]
  const questions = filters.map(
    (each, index) =>
      `select ${index} as filter, t.id from traces t where t.tenant_id = $1 and ${whereOf(each, values)}`,
  )
  const client = await pool.connect()
  try {
    await client.query(`begin; set local enable_seqscan = ${byIndex ? 'off' : 'on'}`)
    const { rows } = await client.query(`${questions.join(' union all ')} order by filter, id`, values)
    await client.query('commit')
    return filters.map((_, index) => rows.filter((row) => row.filter === index).map(({ id }) => id))
  } finally {
    client.release()
  }
}

async function insert(tenantId: string, traces: readonly Given[]): Promise<void> {
  const rows = traces.map(({ metadata, own, spans, ...row }, index) => ({ ...row, id: `t${index}` }))
  await pool.query(
    `insert into traces (tenant_id, id, created_at, updated_at, ${columns.map(([name]) => name).join(', ')})
     select $1, id, now(), now(), ${columns.map(([name]) => name).join(', ')}
     from json_to_recordset($2::json) as g(id text, ${columns.map((column) => column.join(' ')).join(', ')})`,
    [tenantId, JSON.stringify(rows)],
  )
  for (const [index, { metadata, own, spans }] of traces.entries()) {
    const id = `t${index}`
    if (metadata !== null || own !== null) {
      await pool.query('insert into trace_contents (tenant_id, trace_id, metadata, output) values ($1, $2, $3, $4)', [
        tenantId,
        id,
        metadata && stored(metadata),
        own && stored(own),
      ])
    }
    for (const [n, input] of spans.entries()) {
      await pool.query('insert into span_contents (tenant_id, trace_id, span_id, input) values ($1, $2, $3, $4)', [
        tenantId,
        id,
        `s${n}`,
        stored({ input }),
      ])
    }
  }
  await pool.query(
    `insert into search_due (tenant_id, trace_id, span_ids) select $1, id, '{"",s0,s1}' from traces where tenant_id = $1`,
    [tenantId],
  )
  const index = createSearchIndexRepository(pool)
  while (await index.indexSome());
}

const columns = Object.entries({
  agent: 'text',
  name: 'text',
  prompt_name: 'text',
  etag: 'text',
  model: 'text',
  provider: 'text',
  tags: 'text[]',
  conversation_id: 'text',
  run_id: 'text',
  user_id: 'text',
  given_status: 'smallint',
  given_success: 'boolean',
  given_outcome: 'text',
  given_started_at: 'timestamptz',
  given_duration_ms: 'float8',
  spans_total_tokens: 'bigint',
  given_cost: 'numeric',
})

/** As they are shown, with the wide values that they were made of. */
async function read(tenantId: string, traces: readonly Given[]): Promise<FilterableTrace[]> {
  const { rows } = await pool.query(`select ${traceColumns} from traces t where tenant_id = $1 order by id`, [tenantId])
  return rows.map(toTrace).map((row, index) => {
    const { metadata, own, spans } = traces[index] as Given
    const pieces = [wordsOfJson([own && stored(own)]), ...spans.map((input) => wordsOfJson([stored({ input })]))]
    const text = { names: namesOf(row), pieces }
    return {
      ...row,
      metadata: metadata && JSON.parse(stored(metadata)),
      isFoundBy: (search) => matchesSearch(searchQueryOf(search), text),
    }
  })
}

/** JSON as it comes to lie in the tables: cleaned. */
function stored(value: unknown): string {
  return JSON.stringify(value).replaceAll('\\u0000', '\ufffd')
}

function part(word: string, from: number, length: number): string {
  const characters = [...word]
  const start = Math.min(from, characters.length - 1)
  return (
    characters
      .slice(start, start + length + 1)
      .join('')
      .trim() || 'x'
  )
}
