import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEmptyDatabase, type TestDatabase } from '../../test/harness/database.ts'
import { inTransaction } from './transaction.ts'

describe('a transaction', () => {
  let database: TestDatabase
  let pool: pg.Pool

  beforeAll(async () => {
    database = await createEmptyDatabase()
    pool = new pg.Pool({ connectionString: database.url, max: 1 })
    pool.on('connect', (client) => client.on('error', () => {}))
    await pool.query('create table numbers (n int)')
  })
  afterAll(async () => {
    await pool.end()
    await database.drop()
  })

  const numbers = async () => (await pool.query('select n from numbers order by n')).rows.map(({ n }) => n)
  const backend = async () => (await pool.query('select pg_backend_pid() as pid')).rows[0].pid

  test('is whole, and gives what its work gave', async () => {
    const given = await inTransaction(
      pool,
      async (client) => {
        await client.query('insert into numbers values (1)')
        return (await client.query('show transaction_isolation')).rows[0].transaction_isolation
      },
      'begin isolation level serializable',
    )
    expect(given).toBe('serializable')
    expect(await numbers()).toEqual([1])
  })

  test('leaves nothing where its work throws, and its connection to the next', async () => {
    const before = await backend()
    const failed = inTransaction(pool, async (client) => {
      await client.query('insert into numbers values (2)')
      throw new Error('no')
    })
    await expect(failed).rejects.toThrow('no')
    expect(await numbers()).toEqual([1])
    expect(await backend()).toBe(before)
  })

  test('that loses its connection says so, and the next gets another', async () => {
    const before = await backend()
    const lost = inTransaction(pool, async (client) => {
      await client.query('insert into numbers values (3)')
      await client.query('select pg_terminate_backend(pg_backend_pid())')
    })
    await expect(lost).rejects.toMatchObject({ code: '57P01' })
    expect(await numbers()).toEqual([1])
    expect(await backend()).not.toBe(before)
  })
})
