import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../test/harness/database.ts'
import { createTraceRepository } from './trace.repository.ts'
import { type Trace, traceStatuses } from './trace.ts'
import { imageOf, readImage, type TraceImage } from './trace-image.repository.ts'

/** What is kept of a trace with a change of it must be what the trace said of itself, to the last bit. */
describe('the image of a trace', () => {
  let database: TestDatabase
  let pool: pg.Pool
  let tenants = 0

  beforeAll(async () => {
    database = await createDatabase()
    pool = new pg.Pool({ connectionString: database.url, max: 4 })
  })
  afterAll(async () => {
    await pool.end()
    await database.drop()
  })

  const numRuns = Number(process.env.PROPERTY_RUNS ?? 60)

  test('is what the trace says of itself, whatever that is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(rows, { minLength: 1, maxLength: 20 }), async (given) => {
        const tenantId = await insert(given)
        const images = await imagesOf(tenantId)
        const traces = await tracesOf(tenantId)
        expect(images.map(({ image }) => readImage(JSON.parse(image)))).toEqual(traces.map(fieldsOf))
      }),
      { numRuns },
    )
  })

  test('is the same text as long as the trace is the same, and another when anything of it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(rows, { minLength: 2, maxLength: 20 }), async (given) => {
        const tenantId = await insert([...given, ...given])
        const images = (await imagesOf(tenantId)).map(({ image }) => image)
        expect(images.slice(0, given.length)).toEqual(images.slice(given.length))
        const traces = (await tracesOf(tenantId)).map((trace) => JSON.stringify(fieldsOf(trace)))
        for (const [one, image] of images.entries()) {
          for (const [other, another] of images.entries()) {
            expect(image === another).toBe(traces[one] === traces[other])
          }
        }
      }),
      { numRuns: Math.ceil(numRuns / 3) },
    )
  })

  test('goes through the feed as it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(rows, { minLength: 1, maxLength: 20 }), async (given) => {
        const tenantId = await insert(given)
        const traces = await tracesOf(tenantId)
        await createTraceRepository(pool).removeTraces(
          tenantId,
          traces.map(({ id }) => id),
          new Date(),
        )
        const { rows: events } = await pool.query(
          'select trace_id, before from feed where tenant_id = $1 order by place, id',
          [tenantId],
        )
        expect(events.map(({ trace_id: id, before }) => ({ id, ...readImage(before) }))).toEqual(
          traces.map((trace) => ({ id: trace.id, ...fieldsOf(trace) })),
        )
      }),
      { numRuns: Math.ceil(numRuns / 3) },
    )
  })

  async function insert(given: readonly Row[]): Promise<string> {
    const tenantId = `tn_${++tenants}`
    for (const [index, row] of given.entries()) {
      const [names, values] = [Object.keys(row), Object.values(row)]
      const places = values.map((_, each) => `, $${each + 3}`).join('')
      await pool.query(
        `insert into traces (tenant_id, id, created_at, updated_at${names.map((name) => `, ${name}`).join('')})
         values ($1, $2, '2026-11-21 12:00:00.123Z', now()${places})`,
        [tenantId, `${index}`.padStart(3, '0'), ...values],
      )
    }
    return tenantId
  }

  async function imagesOf(tenantId: string): Promise<{ image: string }[]> {
    const { rows: images } = await pool.query(
      `select ${imageOf('t')} as image from traces t where tenant_id = $1 order by id`,
      [tenantId],
    )
    return images
  }

  async function tracesOf(tenantId: string): Promise<Trace[]> {
    const ids = Array.from({ length: 40 }, (_, index) => `${index}`.padStart(3, '0'))
    const traces = await createTraceRepository(pool).findTraces(tenantId, ids)
    return traces.sort((one, other) => (one.id < other.id ? -1 : 1))
  }
})

type Row = Record<string, unknown>

function fieldsOf({
  agent,
  status,
  success,
  outcome,
  promptName,
  etag,
  model,
  provider,
  tags,
  ...rest
}: Trace): TraceImage {
  const { conversationId, runId, userId, startedAt, durationMs, cost, totalTokens, createdAt } = rest
  const words = { agent, status, success, outcome, promptName, etag, model, provider, tags }
  return { ...words, conversationId, runId, userId, startedAt, durationMs, cost, totalTokens, createdAt }
}

/** No text that is stored holds a NUL or half a character: `clean.ts`. */
const texts = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', '').toWellFormed()),
  fc.constantFrom(
    '',
    '"',
    '\\',
    '\\"',
    "'",
    '{}',
    '{"a",NULL}',
    'null',
    'NULL',
    ' ',
    '\n\t\r',
    '\u2028',
    '\ufeff',
    '💥',
    'é',
  ),
)
const floats = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 5e-324, 1.7976931348623157e308, 2 ** 53 + 2, 1e21, 1e-7, 0.1 + 0.2, 123456789.123),
)
const moments = fc.oneof(
  fc.date({
    min: new Date('0001-01-01T00:00:00.000Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  }),
  fc.constantFrom(
    new Date(0),
    new Date(-1),
    new Date('2026-03-29T01:59:59.999Z'),
    new Date('1883-11-18T17:00:00.001Z'),
  ),
)
const decimals = fc.oneof(
  fc
    .tuple(fc.bigInt({ min: 0n, max: 10n ** 40n }), fc.bigInt({ min: 0n, max: 10n ** 40n }))
    .map(([a, b]) => `${a}.${b}`),
  fc.constantFrom('0', '0.0', '0.000', '1.10', '100', '1e20', '1e-20', '0.1', `${'9'.repeat(300)}.${'1'.repeat(300)}`),
)
const counts = fc.oneof(fc.nat({ max: 2_147_483_647 }), fc.constantFrom(0, 2_147_483_647))
const words = ['agent', 'given_outcome', 'set_outcome', 'prompt_name', 'etag', 'model', 'provider', 'conversation_id']

/** As the table holds them: what is not there is unknown. */
const rows: fc.Arbitrary<Row> = fc.record(
  {
    ...Object.fromEntries([...words, 'run_id', 'user_id'].map((name) => [name, texts])),
    given_status: fc.nat({ max: traceStatuses.length - 1 }),
    given_success: fc.boolean(),
    set_success: fc.boolean(),
    tags: fc.uniqueArray(texts, { maxLength: 5 }),
    given_started_at: moments.map((moment) => moment.toISOString()),
    given_ended_at: moments.map((moment) => moment.toISOString()),
    given_duration_ms: floats,
    given_cost: decimals,
    computed_cost: decimals,
    given_total_tokens: counts,
    given_input_tokens: counts,
    given_output_tokens: counts,
    spans_total_tokens: fc.oneof(fc.maxSafeNat(), fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String)),
  },
  { requiredKeys: [] },
)
