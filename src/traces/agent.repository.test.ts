import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../test/harness/database.ts'
import { type AgentRepository, createAgentRepository } from './agent.repository.ts'
import type { Agent } from './agent.ts'

describe('agents', () => {
  let database: TestDatabase
  let pool: pg.Pool
  let agents: AgentRepository
  let stored: Agent[]

  const now = new Date('2026-11-21T12:00:00.000Z')
  const names = [
    'b',
    'B',
    'a',
    'Z',
    'ß',
    'ÄGENT',
    'ägent two',
    'support_bot',
    'support%bot',
    'supportXbot',
    '😀',
    'a b',
  ]

  beforeAll(async () => {
    database = await createDatabase()
    pool = new pg.Pool({ connectionString: database.url })
    agents = createAgentRepository(pool)
    stored = names.map((name, index) => ({ id: `ag_${index}`, name, firstSeenAt: now, lastSeenAt: now }))
    stored.sort((one, other) => Buffer.compare(Buffer.from(one.name), Buffer.from(other.name)))
    for (const tenantId of ['tn_1', 'tn_2']) {
      await pool.query(
        `insert into agents select $1, id, name, $4, $4 from unnest($2::text[], $3::text[]) as given(id, name)`,
        [tenantId, stored.map(({ id }) => id), stored.map(({ name }) => name), now],
      )
    }
    await pool.query(`insert into agents values ('tn_2', 'ag_other', 'another', $1, $1)`, [now])
  })
  afterAll(async () => {
    await pool.end()
    await database.drop()
  })

  test('are found by id and by name, each tenant its own', async () => {
    expect(await agents.findAgents('tn_1', ['ag_other', 'ag_0', 'ag_0', 'gone'])).toEqual([
      stored.find(({ id }) => id === 'ag_0'),
    ])
    expect(await agents.findAgentsByName('tn_1', ['another', 'ägent'])).toEqual([])
    const [found] = await agents.findAgentsByName('tn_2', ['another'])
    expect(found).toEqual({ id: 'ag_other', name: 'another', firstSeenAt: now, lastSeenAt: now })
  })

  test('are listed by name, in pages of any size', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: names.length + 1 }), async (limit) => {
        const listed: Agent[] = []
        for (;;) {
          const page = await agents.listAgents('tn_1', { search: null, after: listed.at(-1) ?? null, limit })
          listed.push(...page)
          if (page.length < limit) break
        }
        expect(listed).toEqual(stored)
      }),
      { numRuns: 15 },
    )
  })

  test.each([
    ['ägent', ['ÄGENT', 'ägent two']],
    ['SUPPORT_', ['support_bot']],
    ['t%b', ['support%bot']],
    ['a', ['a', 'a b']],
    ['😀', ['😀']],
    ['nobody', []],
  ])('%s is looked for in names, in upper and lower case', async (search, found) => {
    const listed = await agents.listAgents('tn_1', { search, after: null, limit: 100 })
    expect(listed.map(({ name }) => name)).toEqual(found)
    expect(await agents.countAgents('tn_1', search)).toBe(found.length)
  })

  test('are counted', async () => {
    expect(await agents.countAgents('tn_1', null)).toBe(names.length)
    expect(await agents.countAgents('tn_3', null)).toBe(0)
  })
})
