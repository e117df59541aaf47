import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SpanContentsDocument, SpansDocument } from './generated/documents.ts'
import { ingest } from './harness/ingest.ts'
import { drawSpans, plainSpan, sendSpans } from './harness/span-trees.ts'
import { naming, recordStatements } from './harness/statements.ts'
import { makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'

let app: TestApp
let tenant: TestTenant

beforeAll(async () => {
  app = await startTestApp()
  tenant = await makeTenant(app)
})
afterAll(() => app.close())

async function listSpans(id: string, page: { first?: number; after?: string | null } = {}) {
  const { trace } = await tenant.client.ask(SpansDocument, { id, ...page })
  if (!trace) throw new Error(`there is no trace ${id}`)
  return trace.spans
}

/** What began later has the lesser id, and every fifth was never timed. */
function waterfall(length: number) {
  const first = Date.parse('2026-11-20T10:00:00.000Z')
  return Array.from({ length }, (_, index) => {
    const id = String(length - index).padStart(6, '0')
    const startedAt = new Date(first + Math.floor(index / 3)).toISOString()
    return { ...plainSpan(id, null), startedAt: index % 5 === 0 ? null : startedAt }
  })
}

describe('the spans of a trace', () => {
  test('are a waterfall: by their start, then by id, in pages', async () => {
    const id = await sendSpans(tenant.client, waterfall(50))
    const all = await listSpans(id)
    const spans = all.edges.map(({ node }) => node)
    expect(spans).toHaveLength(50)
    const places = spans.map(({ startedAt, id }) => `${startedAt} ${id}`)
    expect(places).toEqual(places.toSorted())
    expect(all.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: false })
    expect(all.totalCount).toBe(50)

    const walked: string[] = []
    for (let after: string | null = null, more = true; more; ) {
      const page = await listSpans(id, { first: 7, after })
      walked.push(...page.edges.map(({ node }) => node.id))
      expect(page.pageInfo.hasPreviousPage).toBe(after !== null)
      expect(page.pageInfo.endCursor).toBe(page.edges.at(-1)?.cursor)
      after = page.pageInfo.endCursor ?? null
      more = page.pageInfo.hasNextPage
    }
    expect(walked).toEqual(spans.map((span) => span.id))
  })

  test('are paged from where a cursor stands, whatever has come since', async () => {
    const id = await sendSpans(tenant.client, waterfall(10))
    const { pageInfo, edges } = await listSpans(id, { first: 5 })
    const before = { startedAt: '2026-11-20T09:00:00.000Z' }
    await ingest(tenant.client, { id, spans: [plainSpan('earlier', null, before)] })
    const next = await listSpans(id, { first: 5, after: pageInfo.endCursor ?? null })
    expect(next.edges).toHaveLength(5)
    expect(new Set([...edges, ...next.edges].map(({ node }) => node.id)).size).toBe(10)
    expect(next.totalCount).toBe(11)
  })

  test('come 100 at a time unless asked, and 1,000 at most', async () => {
    const id = await sendSpans(tenant.client, waterfall(1_100))
    expect((await listSpans(id)).edges).toHaveLength(100)
    expect((await listSpans(id, { first: 1_000 })).edges).toHaveLength(1_000)
    expect((await listSpans(id, { first: 0 })).edges).toEqual([])
    const tooMany = await tenant.client.refusal(SpansDocument, { id, first: 1_001 })
    expect(tooMany.extensions).toMatchObject({ code: 'QUERY_TOO_COMPLEX', max: 1_000 })
    const negative = await tenant.client.refusal(SpansDocument, { id, first: -1 })
    expect(negative.extensions).toMatchObject({ code: 'INVALID_INPUT', field: 'first' })
  })

  test.each([
    ['nothing', ''],
    ['no cursor', 'nope'],
    ['the cursor of another list', encode(['STARTED_AT', 'DESC', '2026-11-20T10:00:00.000Z', 'a'])],
    ['a moment that no calendar has', encode([9e15, 'a'])],
  ])('are not paged from %s', async (_, after) => {
    const id = await sendSpans(tenant.client, waterfall(1))
    const { extensions } = await tenant.client.refusal(SpansDocument, { id, after })
    expect(extensions).toMatchObject({ code: 'INVALID_INPUT', field: 'after' })
  })

  test('are paged from a place that nothing can stand at', async () => {
    const id = await sendSpans(tenant.client, waterfall(1))
    expect((await listSpans(id, { after: encode([0, '\0\ud800']) })).edges).toHaveLength(1)
  })

  test('may be 30,000, which are listed and drawn', async () => {
    const spans = waterfall(30_000)
    const id = await sendSpans(
      tenant.client,
      spans.map((span, index) => ({ ...span, parentId: index === 0 ? null : (spans[index >> 2]?.id ?? null) })),
    )
    const listed: string[] = []
    for (let after: string | null = null, more = true; more; ) {
      const { edges, pageInfo, totalCount } = await listSpans(id, { first: 1_000, after })
      expect(totalCount).toBe(30_000)
      listed.push(...edges.map(({ node }) => node.id))
      after = pageInfo.endCursor ?? null
      more = pageInfo.hasNextPage
    }
    expect(new Set(listed).size).toBe(30_000)
    const due = await drawSpans(tenant.client, id)
    let drawn = 0
    for (let node = due.pop(); node; node = due.pop()) {
      drawn++
      due.push(...node.children)
    }
    expect(drawn).toBe(30_000)
  })
})

describe('the wide values of spans', () => {
  test('are given as they came, and read by one statement', async () => {
    const contents = {
      input: { messages: [{ role: 'user', content: 'hi\u2028' }] },
      output: ['a', 1.5],
      attributes: {},
    }
    const spans = [plainSpan('a', null, contents), plainSpan('b', 'a', { input: 'only this' }), plainSpan('c', 'a')]
    const id = await sendSpans(tenant.client, spans)
    const { result, texts } = await recordStatements(() => tenant.client.ask(SpanContentsDocument, { id }))
    const none = { input: null, output: null, attributes: null }
    expect(result.trace?.spans.nodes).toEqual([
      { id: 'a', ...contents },
      { id: 'b', ...none, input: 'only this' },
      { id: 'c', ...none },
    ])
    expect(naming('span_contents', texts)).toHaveLength(1)
  })

  test('are not touched where nobody asks for them', async () => {
    const id = await sendSpans(tenant.client, [plainSpan('a', null, { input: 'wide' })])
    const { texts } = await recordStatements(() => listSpans(id))
    expect(naming('span_contents', texts)).toEqual([])
    expect(naming('spans', texts)).toHaveLength(1)
  })
})

function encode(parts: unknown[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url')
}
