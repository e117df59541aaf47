import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../test/harness/database.ts'
import { type CursorParts, decodeCursor } from '../page.ts'
import { createSpanRepository, type SpanRepository } from './span.repository.ts'
import { inOrder } from './span-order.ts'
import { spanCursor } from './span-page.ts'

const createdAt = '2026-11-21T12:00:00.000Z'

describe('the spans of a trace', () => {
  let database: TestDatabase
  let pool: pg.Pool
  let spans: SpanRepository

  beforeAll(async () => {
    database = await createDatabase()
    pool = new pg.Pool({ connectionString: database.url })
    spans = createSpanRepository(pool)
  })
  afterAll(async () => {
    await pool.end()
    await database.drop()
  })

  /** Columns by their names; silence where nothing is given. */
  async function insert(tenantId: string, traceId: string, rows: Record<string, unknown>[]): Promise<void> {
    const filled = rows.map((row) => ({
      tenant_id: tenantId,
      trace_id: traceId,
      name: 'a span',
      created_at: createdAt,
      ...row,
    }))
    await pool.query(
      `insert into spans (tenant_id, trace_id, id, parent_id, kind, name, given_status, error_message, started_at,
         ended_at, duration_ms, model, provider, input_tokens, output_tokens, total_tokens, cached_input_tokens,
         reasoning_tokens, cost, computed_cost, created_at)
       select tenant_id, trace_id, id, parent_id, kind, name, given_status, error_message, started_at,
         ended_at, duration_ms, model, provider, input_tokens, output_tokens, total_tokens, cached_input_tokens,
         reasoning_tokens, cost, computed_cost, created_at
       from json_populate_recordset(null::spans, $1)`,
      [JSON.stringify(filled)],
    )
  }

  async function read(row: Record<string, unknown>) {
    const traceId = `alone ${JSON.stringify(row)}`
    await insert('tn_1', traceId, [{ id: 'a', ...row }])
    return (await spans.listSpansOfTraces('tn_1', [traceId])).get(traceId)?.[0]
  }

  test('are shown as they were given', async () => {
    const given = {
      parent_id: 'b "\\\u2028🙂',
      kind: 7,
      name: '\u0001 "name" \\',
      given_status: 2,
      error_message: 'late',
      started_at: '2026-11-21T09:30:00.001Z',
      ended_at: '2026-11-21T09:30:01.999Z',
      duration_ms: 1.5,
      model: 'gpt-4o',
      provider: 'openai',
      input_tokens: 2_147_483_647,
      output_tokens: 0,
      total_tokens: 7,
      cached_input_tokens: 1,
      reasoning_tokens: 2,
      cost: '0.004500',
      computed_cost: '9',
    }
    expect(await read(given)).toEqual({
      id: 'a',
      traceId: `alone ${JSON.stringify(given)}`,
      parentId: given.parent_id,
      kind: 'LLM',
      name: given.name,
      status: 'TIMED_OUT',
      errorMessage: 'late',
      startedAt: new Date(given.started_at),
      endedAt: new Date(given.ended_at),
      durationMs: 1.5,
      model: 'gpt-4o',
      provider: 'openai',
      inputTokens: 2_147_483_647,
      outputTokens: 0,
      totalTokens: 7,
      cachedInputTokens: 1,
      reasoningTokens: 2,
      cost: '0.0045',
      costSource: 'REPORTED',
    })
  })

  test('are shown without what nobody said', async () => {
    expect(await read({})).toMatchObject({
      parentId: null,
      kind: 'OTHER',
      status: 'RUNNING',
      errorMessage: null,
      startedAt: new Date(createdAt),
      endedAt: null,
      durationMs: null,
      inputTokens: null,
      outputTokens: null,
      totalTokens: null,
      cost: null,
      costSource: 'UNPRICED',
    })
  })

  const early = '2026-11-21T09:30:00.000Z'
  const late = '2026-11-21T09:30:00.250Z'
  test.each([
    ['the start that is known', { started_at: late, ended_at: early }, { startedAt: new Date(late), durationMs: 0 }],
    [
      'the end as the start',
      { ended_at: early },
      { startedAt: new Date(early), durationMs: null, status: 'COMPLETED' },
    ],
    ['how long it took', { started_at: early, ended_at: late }, { durationMs: 250 }],
    ['an error', { error_message: '' }, { status: 'FAILED', errorMessage: '' }],
    ['the sum of what is known', { input_tokens: 3 }, { totalTokens: 3, outputTokens: null }],
    [
      'a sum beyond 32 bits',
      { input_tokens: 2_147_483_647, output_tokens: 2_147_483_647 },
      { totalTokens: 4_294_967_294 },
    ],
    ['a computed cost', { computed_cost: '0.10' }, { cost: '0.1', costSource: 'COMPUTED' }],
    ['no cost at all', { cost: '0.00' }, { cost: '0', costSource: 'REPORTED' }],
    ['the first and the last millisecond', firstAndLast('iso'), firstAndLast('date')],
  ])('are shown with %s', async (_, row, shown) => {
    expect(await read(row)).toMatchObject(shown)
  })

  test('keep what is theirs, whatever is known of which', async () => {
    const texts = { error_message: 'errorMessage', model: 'model', provider: 'provider' } as const
    const counts = {
      input_tokens: 'inputTokens',
      output_tokens: 'outputTokens',
      total_tokens: 'totalTokens',
      cached_input_tokens: 'cachedInputTokens',
      reasoning_tokens: 'reasoningTokens',
    } as const
    const text = fc.option(fc.string(), { nil: undefined })
    const count = fc.option(fc.nat(), { nil: undefined })
    const money = fc.option(fc.nat().map(String), { nil: undefined })
    const someRow = fc.record({
      ...Object.fromEntries(Object.keys(texts).map((column) => [column, text])),
      ...Object.fromEntries(Object.keys(counts).map((column) => [column, count])),
      duration_ms: fc.option(fc.double({ min: 0, max: 1e15, noNaN: true }), { nil: undefined }),
      cost: money,
      computed_cost: money,
    }) as fc.Arbitrary<Record<string, unknown>>
    let traces = 0
    await fc.assert(
      fc.asyncProperty(fc.array(someRow, { minLength: 1, maxLength: 20 }), async (rows) => {
        const traceId = `known ${traces++}`
        const cleaned = rows.map((row) => JSON.parse(JSON.stringify(row).replaceAll('\\u0000', '-')))
        await insert(
          'tn_1',
          traceId,
          cleaned.map((row, index) => ({ id: `${index}`, ...row })),
        )
        const found = (await spans.listSpansOfTraces('tn_1', [traceId])).get(traceId) ?? []
        expect(found).toHaveLength(rows.length)
        for (const span of found) {
          const row = cleaned[Number(span.id)]
          for (const [column, field] of Object.entries(texts)) expect(span[field]).toBe(row[column] ?? null)
          for (const [column, field] of Object.entries(counts)) {
            if (field !== 'totalTokens') expect(span[field]).toBe(row[column] ?? null)
          }
          const { input_tokens, output_tokens, total_tokens, cost, computed_cost } = row
          const isCounted = input_tokens !== undefined || output_tokens !== undefined
          const sum = isCounted ? (input_tokens ?? 0) + (output_tokens ?? 0) : null
          expect(span.totalTokens).toBe(total_tokens ?? sum)
          expect(span.durationMs).toBe(row.duration_ms ?? null)
          expect(span.cost).toBe(cost ?? computed_cost ?? null)
        }
      }),
      { numRuns: 50 },
    )
  })

  test('are read for many traces at once, each tenant its own', async () => {
    await insert('tn_1', 'one', [{ id: 'a' }, { id: 'b' }])
    await insert('tn_1', 'two', [{ id: 'a' }])
    await insert('tn_2', 'one', [{ id: 'c' }])
    const found = await spans.listSpansOfTraces('tn_1', ['one', 'two', 'none'])
    expect([...found].map(([traceId, list]) => [traceId, list.map(({ id }) => id).sort()]).sort()).toEqual([
      ['one', ['a', 'b']],
      ['two', ['a']],
    ])
    expect((await spans.listSpansOfTraces('tn_2', ['one'])).get('one')?.map(({ id }) => id)).toEqual(['c'])
    expect(await spans.listSpansOfTraces('tn_3', ['one'])).toEqual(new Map())
  })

  test('are walked in pages of any size, in both directions', async () => {
    const moments = [early, late, '0001-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z', '2026-11-21T09:30:00.001Z']
    const ids = ['', 'a', 'aa', 'é', '\ud7ff', '\ue000', '🙂', '🙂b', 'z', '"']
    await insert(
      'tn_1',
      'paged',
      ids.flatMap((id, index) => [
        { id, started_at: moments[index % 3] },
        { id: `${id} ended`, ended_at: moments[3 + (index % 2)] },
        { id: `${id} untimed` },
      ]),
    )
    await insert('tn_1', 'beside', [{ id: 'x', started_at: early }])
    await insert('tn_2', 'paged', [{ id: 'y', started_at: early }])
    const all = inOrder((await spans.listSpansOfTraces('tn_1', ['paged'])).get('paged') ?? [])
    expect(all).toHaveLength(30)

    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 31 }), fc.boolean(), async (size, isBackward) => {
        const cursorField = isBackward ? 'before' : 'after'
        const walked: string[] = []
        let from: CursorParts | null = null
        for (let more = true; more; ) {
          const rows = await spans.pageSpans('tn_1', 'paged', { size, isBackward, from, cursorField })
          const page = rows.slice(0, size)
          walked.push(...page.map(({ id }) => id))
          more = rows.length > size && size > 0
          const last = page.at(-1)
          if (last) from = decodeCursor(spanCursor(last), cursorField)
        }
        const expected = (isBackward ? all.toReversed() : all).map(({ id }) => id)
        expect(walked).toEqual(size === 0 ? [] : expected)
      }),
      { numRuns: 30 },
    )
    expect(
      await spans.pageSpans('tn_1', 'none', { size: 5, isBackward: false, from: null, cursorField: 'after' }),
    ).toEqual([])
  })
})

function firstAndLast(form: 'iso' | 'date') {
  const [first, last] = ['0001-01-01T00:00:00.001Z', '9999-12-31T23:59:59.999Z'] as const
  return form === 'iso'
    ? { started_at: first, ended_at: last }
    : { startedAt: new Date(first), endedAt: new Date(last), durationMs: Date.parse(last) - Date.parse(first) }
}
