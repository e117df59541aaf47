import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../test/harness/database.ts'
import { newId } from '../ids.ts'
import { type PageInput, pageOf, readPage } from '../page.ts'
import type { Trace } from './trace.ts'
import { createTraceListRepository, type TraceListRepository } from './trace-list.repository.ts'
import { sortDirections, type TraceOrder, traceCursor, traceOrderFields } from './trace-order.ts'

interface Row {
  id: string
  startedAt: number
  durationMs: number | null
  cost: string | null
  totalTokens: number | null
}

const row = fc.record({
  startedAt: fc.constantFrom(0, 1, 1_763_000_000_123, 253_402_300_799_999, -86_400_000),
  durationMs: fc.constantFrom(null, 0, 0.1, 5, 1e15),
  cost: fc.constantFrom(null, '0', '0.5', '0.25', '12', '9', '0.000000000000000001'),
  totalTokens: fc.constantFrom(null, 0, 3, 4_000_000_000),
})
const rows = fc
  .array(row, { minLength: 0, maxLength: 30 })
  .map((made) => made.map((each, index): Row => ({ id: `${[...'äa東💥b'][index % 5]}${index}`, ...each })))
const order = fc.record({ field: fc.constantFrom(...traceOrderFields), direction: fc.constantFrom(...sortDirections) })

describe('a list', () => {
  let database: TestDatabase
  let pool: pg.Pool
  let lists: TraceListRepository

  beforeAll(async () => {
    database = await createDatabase()
    pool = new pg.Pool({ connectionString: database.url })
    lists = createTraceListRepository(pool)
  })
  afterAll(async () => {
    await pool.end()
    await database.drop()
  })

  async function fill(made: readonly Row[], tenantId = newId('tn')): Promise<string> {
    await pool.query(
      `insert into traces (tenant_id, id, given_started_at, given_duration_ms, given_cost, given_total_tokens, created_at, updated_at)
       select $1, id, timestamptz '1970-01-01 00:00:00Z' + "startedAt" * interval '1 millisecond', "durationMs", cost::numeric,
         null, now(), now()
       from json_to_recordset($2) as r(id text, "startedAt" float8, "durationMs" float8, cost text)`,
      [tenantId, JSON.stringify(made)],
    )
    // More than a trace may give, as a sum over many spans can be.
    await pool.query(
      `update traces t set spans_total_tokens = r."totalTokens" from json_to_recordset($2) as r(id text, "totalTokens" bigint)
       where t.tenant_id = $1 and t.id = r.id`,
      [tenantId, JSON.stringify(made)],
    )
    return tenantId
  }

  async function pageAt(tenantId: string, input: PageInput, by: TraceOrder) {
    const page = readPage(input)
    return pageOf(await lists.listTraces(tenantId, { filter: {}, order: by, page }), page)
  }

  /** From one end to the other, page by page. */
  async function walk(tenantId: string, by: TraceOrder, size: number, isBackward: boolean, onPage = async () => {}) {
    const walked: Trace[][] = []
    let cursor: string | null = null
    for (;;) {
      const input: PageInput = isBackward ? { last: size, before: cursor } : { first: size, after: cursor }
      const { items, hasNextPage, hasPreviousPage } = await pageAt(tenantId, input, by)
      walked.push(items)
      expect(isBackward ? hasNextPage : hasPreviousPage).toBe(cursor !== null)
      const end = isBackward ? items[0] : items.at(-1)
      if (!(isBackward ? hasPreviousPage : hasNextPage) || !end) break
      cursor = traceCursor(end, by)
      await onPage()
    }
    const ids = (isBackward ? walked.reverse() : walked).flat().map(({ id }) => id)
    return ids
  }

  test('is sorted, unknown values last; its pages are the whole, in either direction and from either end', async () => {
    await fc.assert(
      fc.asyncProperty(
        rows,
        order,
        fc.integer({ min: 1, max: 7 }),
        fc.boolean(),
        async (made, by, size, isBackward) => {
          const tenantId = await fill(made)
          expect(await walk(tenantId, by, size, isBackward)).toEqual(sorted(made, by).map(({ id }) => id))
        },
      ),
      { numRuns: 150 },
    )
  })

  test('stays right while others come: every row that was there is met once', async () => {
    await fc.assert(
      fc.asyncProperty(rows, order, fc.boolean(), async (made, by, isBackward) => {
        const tenantId = await fill(made)
        let next = 0
        const arrive = async () => {
          const id = `new${next++}`
          await fill([{ id, startedAt: next, durationMs: next % 2 ? 1 : null, cost: '0.3', totalTokens: 1 }], tenantId)
        }
        const met = await walk(tenantId, by, 3, isBackward, arrive)
        const old = met.filter((id) => !id.startsWith('new'))
        expect(old).toEqual(sorted(made, by).map(({ id }) => id))
        expect(new Set(met).size).toBe(met.length)
      }),
      { numRuns: 60 },
    )
  })

  test('walks an index from the cursor, at any depth', async () => {
    const made = Array.from(
      { length: 3_000 },
      (_, n): Row => ({
        id: `${n}`,
        startedAt: n * 1_000,
        durationMs: n,
        cost: `${n}`,
        totalTokens: n,
      }),
    )
    const tenantId = await fill(made)
    await pool.query('analyze traces')
    for (const field of traceOrderFields) {
      const by: TraceOrder = { field, direction: 'DESC' }
      const [first] = (await pageAt(tenantId, { first: 1 }, by)).items
      const cursor = traceCursor({ ...(first as Trace), ...deep, id: '1000' }, by)
      const statements: string[] = []
      const spy = { query: (text: string, values: unknown[]) => explain(text, values, statements) }
      const page = readPage({ first: 20, after: cursor })
      await createTraceListRepository(spy as unknown as pg.Pool).listTraces(tenantId, { filter: {}, order: by, page })
      expect(statements[0]).toMatch(/Index Scan.* using traces_by_/)
      expect(statements[0]).toMatch(/Index Cond: .*ROW\(/)
      expect(statements[0]).not.toContain('Sort')
    }
  })

  async function explain(text: string, values: unknown[], statements: string[]) {
    const { rows: lines } = await pool.query(`explain ${text}`, values)
    statements.push(lines.map((line) => line['QUERY PLAN']).join('\n'))
    return pool.query(text, values)
  }
})

const deep = { startedAt: new Date(1_000_000), durationMs: 1_000, cost: '1000', totalTokens: 1_000 }

function sorted(made: readonly Row[], { field, direction }: TraceOrder): Row[] {
  const keys = { STARTED_AT: 'startedAt', DURATION: 'durationMs', COST: 'cost', TOTAL_TOKENS: 'totalTokens' } as const
  const sign = direction === 'ASC' ? 1 : -1
  return [...made].sort((one, other) => {
    const [a, b] = [one[keys[field]], other[keys[field]]]
    if (a === null || b === null) return a === b ? sign * byBytes(one, other) : a === null ? 1 : -1
    return sign * (Number(a) - Number(b) || byBytes(one, other))
  })
}

function byBytes(one: Row, other: Row): number {
  return Buffer.compare(Buffer.from(one.id), Buffer.from(other.id))
}
