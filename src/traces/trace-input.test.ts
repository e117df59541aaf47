import { describe, expect, test } from 'vitest'
import { readTraces } from './trace-input.ts'

const read = (traces: unknown[]) => readTraces(traces, 1_000)

/** What is wrong with one trace, by its path. */
function problemsOf(trace: unknown): Record<string, string> {
  const { problems, accepted } = read([trace])
  expect(accepted).toBe(problems.length === 0 ? 1 : 0)
  return Object.fromEntries(problems.map(({ path, message }) => [path, message]))
}

/** What is stored of one span with these fields. */
function spanOf(fields: object) {
  const { spans, spanContents, problems } = read([{ id: 't', spans: [{ id: 's', name: 'n', ...fields }] }])
  expect(problems).toEqual([])
  return { ...spans[0], ...spanContents[0] }
}

describe('what is read', () => {
  test('codes, moments of one form, money as text, and nothing of what is null', () => {
    const span = spanOf({
      kind: 'LLM',
      status: 'FAILED',
      startedAt: '2026-11-21T10:00:00+01:00',
      endedAt: new Date('2026-11-21T10:00:01.5Z'),
      cost: 0.0045,
      model: null,
      inputTokens: 7,
      input: { a: [1, null] },
    })
    expect(span).toEqual({
      traceId: 't',
      spanId: 's',
      id: 's',
      name: 'n',
      kind: 7,
      status: 3,
      startedAt: '2026-11-21T09:00:00.000Z',
      endedAt: '2026-11-21T10:00:01.500Z',
      cost: '0.0045',
      inputTokens: 7,
      input: { a: [1, null] },
    })
  })

  test('what a request says twice is one record, spans by their trace', () => {
    const { traces, spans, traceIds, accepted } = read([
      { id: 'one', name: 'a', spans: [{ id: '1', name: 'x', status: 'RUNNING' }] },
      { id: 'two', spans: [{ id: '1', name: 'other' }] },
      { id: 'one', model: 'm', spans: [{ id: '1', name: 'x', status: 'COMPLETED', outputTokens: 3 }] },
    ])
    expect({ accepted, traceIds }).toEqual({ accepted: 3, traceIds: ['one', 'two'] })
    expect(traces).toEqual([{ id: 'one', name: 'a', model: 'm' }, { id: 'two' }])
    expect(spans).toEqual([
      { traceId: 'one', id: '1', name: 'x', status: 1, outputTokens: 3 },
      { traceId: 'two', id: '1', name: 'other' },
    ])
  })

  test('a trace without an id gets one', () => {
    const { traceIds } = read([{ name: 'a' }, { id: null }])
    expect(new Set(traceIds).size).toBe(2)
    for (const id of traceIds) expect(id).toMatch(/^tr_/)
  })

  test('NUL and halves of characters are replaced wherever they stand', () => {
    const { traces, traceContents, traceIds } = read([
      { id: 'a\0b', name: '\ud800x', tags: ['\0'], output: { 'k\0': ['\udfff', { deep: 'v\0' }] } },
    ])
    expect(traceIds).toEqual(['a\uFFFDb'])
    expect(traces[0]).toMatchObject({ id: 'a\uFFFDb', name: '\uFFFDx', tags: ['\uFFFD'] })
    expect(traceContents[0]?.output).toEqual({ 'k\uFFFD': ['\uFFFD', { deep: 'v\uFFFD' }] })
  })

  test('a key "__proto__" stays a key', () => {
    const { input } = spanOf({ input: JSON.parse('{"__proto__": {"x": "\\u0000"}}') })
    expect(JSON.stringify(input)).toBe('{"__proto__":{"x":"\uFFFD"}}')
  })

  test.each([
    ['id', 'x'.repeat(200)],
    ['id', '💥'.repeat(200)],
    ['durationMs', 0],
    ['durationMs', 1e15],
    ['inputTokens', 2_147_483_647],
    ['startedAt', '0001-01-01T00:00:00.000Z'],
    ['startedAt', '1969-07-20T20:17:40Z'],
    ['endedAt', '9999-12-31T23:59:59.999Z'],
    ['cost', '0'],
    ['cost', '1000000000000'],
    ['cost', 1e-7],
    ['errorMessage', 'x'.repeat(100_000)],
    ['input', nested(400)],
    ['attributes', {}],
  ])('%s may be %s', (field, value) => {
    expect(spanOf({ [field]: value })).toHaveProperty(field)
  })
})

describe('what is refused', () => {
  test.each<[string, unknown, string]>([
    ['id', '', 'a text of 1 to 200 characters; got "".'],
    ['id', '💥'.repeat(201), 'a text of 1 to 200 characters'],
    ['id', 7, 'got 7.'],
    ['name', null, 'a text; got nothing.'],
    ['name', 'x'.repeat(1_001), 'a text of 0 to 1000 characters'],
    ['parentId', {}, 'got an object.'],
    ['kind', 'llm', 'one of OTHER, CHAIN, GUARDRAIL, AGENT, TOOL, RETRIEVER, EMBEDDING, LLM; got "llm".'],
    ['status', 'DONE', 'one of RUNNING, COMPLETED, TIMED_OUT, FAILED; got "DONE".'],
    ['startedAt', '2026-02-30T00:00:00Z', 'ISO 8601'],
    ['startedAt', '0000-01-01T00:00:00Z', 'in the years 1 to 9999'],
    ['startedAt', '9999-12-31T23:59:59-14:00', 'in the years 1 to 9999'],
    ['startedAt', 1_763_000_000, 'got 1763000000.'],
    ['durationMs', -1, 'a number of milliseconds'],
    ['durationMs', Number.POSITIVE_INFINITY, 'got Infinity.'],
    ['inputTokens', 1.5, 'a whole number from 0 to 2147483647; got 1.5.'],
    ['inputTokens', 2_147_483_648, 'a whole number'],
    ['inputTokens', '12', 'got "12".'],
    ['cost', '-1', 'USD as a decimal'],
    ['cost', 'a dollar', 'USD as a decimal'],
    ['input', nested(501), 'JSON that is nested 500 deep at most'],
    ['attributes', [1], 'a JSON object; got a list of 1.'],
    ['parentID', 'x', 'there is no such field'],
    ['__proto__', 'x', 'there is no such field'],
  ])('%s that is %j', (field, value, expectation) => {
    const span = JSON.parse('{"id":"s","name":"n"}')
    Object.defineProperty(span, field, { value, enumerable: true, configurable: true, writable: true })
    const problems = problemsOf({ id: 't', spans: [{ id: 'ok', name: 'n' }, span] })
    expect(Object.keys(problems)).toEqual([`traces[0].spans[1].${field}`])
    expect(problems[`traces[0].spans[1].${field}`]).toContain(expectation)
  })

  test('a bad trace, with all that is wrong with it; the good ones beside it are kept', () => {
    const { traceIds, accepted, rejected, problems, spans } = read([
      { id: 'good', spans: [{ id: '1', name: 'n' }] },
      { id: 'bad', tags: 'x', spans: [{ id: '1', name: 'n' }, { id: 2 }, 'none'] },
      'nothing',
      { id: 'good too', spans: null },
      { id: '', spans: {} },
    ])
    expect({ traceIds, accepted, rejected }).toEqual({ traceIds: ['good', 'good too'], accepted: 2, rejected: 3 })
    expect(spans).toHaveLength(1)
    expect(problems.map(({ index, traceId, spanId, path }) => [index, traceId, spanId, path])).toEqual([
      [1, 'bad', null, 'traces[1].tags'],
      [1, 'bad', null, 'traces[1].spans[1].id'],
      [1, 'bad', null, 'traces[1].spans[1].name'],
      [1, 'bad', null, 'traces[1].spans[2]'],
      [2, null, null, 'traces[2]'],
      [4, null, null, 'traces[4].id'],
      [4, null, null, 'traces[4].spans'],
    ])
  })

  test('a request with more than it may bring, before anything is read', () => {
    const spans = Array.from({ length: 501 }, (_, index) => ({ id: `${index}`, name: 'n' }))
    expect(() =>
      read([
        { id: 'a', spans },
        { id: 'b', spans },
      ]),
    ).toThrow('A request may bring 1000 spans; 1002 came.')
    expect(() => read(Array.from({ length: 1_001 }, () => ({})))).toThrow('A request may bring 1000 traces; 1001 came.')
  })

  test('JSON that no stack could follow', () => {
    const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)
    expect(problemsOf({ id: 't', output: deep })).toEqual({
      'traces[0].output': 'traces[0].output expects JSON that is nested 500 deep at most; got a list of 1.',
    })
  })
})

function nested(levels: number): unknown {
  let value: unknown = 'x'
  for (let level = 0; level < levels; level++) value = [value]
  return value
}
