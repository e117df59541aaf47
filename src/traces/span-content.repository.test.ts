import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../test/harness/database.ts'
import type { SpanContentField } from './span.ts'
import { createSpanContentRepository, type SpanContentRepository } from './span-content.repository.ts'

describe('the contents of spans', () => {
  let database: TestDatabase
  let pool: pg.Pool
  let contents: SpanContentRepository

  beforeAll(async () => {
    database = await createDatabase()
    pool = new pg.Pool({ connectionString: database.url })
    contents = createSpanContentRepository(pool)
    await pool.query(`insert into span_contents values
      ('tn_1', 't', 'a', '{"b": [1.50, 1e400],  "b": "\\u00e9"}', '"out"', '{}'),
      ('tn_1', 't', 'b', '7', null, null),
      ('tn_1', 'u', 'a', 'null', null, null),
      ('tn_2', 't', 'a', '"of another"', '"of another"', '"of another"')`)
  })
  afterAll(async () => {
    await pool.end()
    await database.drop()
  })

  function request(traceId: string, spanId: string, ...fields: SpanContentField[]) {
    return { traceId, spanId, fields: new Set(fields) }
  }

  test('are read in the order asked, only what is asked for, as the text they are', async () => {
    const found = await contents.findContents('tn_1', [
      request('t', 'none', 'input'),
      request('u', 'a', 'input', 'output', 'attributes'),
      request('t', 'b', 'output', 'input'),
      request('t', 'a', 'input', 'attributes'),
    ])
    expect(found.map(({ input, output, attributes }) => [input?.text, output?.text, attributes?.text])).toEqual([
      [undefined, undefined, undefined],
      ['null', undefined, undefined],
      ['7', undefined, undefined],
      ['{"b": [1.50, 1e400],  "b": "\\u00e9"}', undefined, '{}'],
    ])
    expect(await contents.findContents('tn_1', [])).toEqual([])
  })
})
