import type { Pool, PoolClient } from 'pg'
import { isDatabaseOutage } from './database-errors.ts'

/** What `work` does on its connection is done as a whole, or, where it throws, not at all. */
export async function inTransaction<Result>(
  pool: Pool,
  work: (client: PoolClient) => Promise<Result>,
  begin = 'begin',
): Promise<Result> {
  const client = await pool.connect()
  try {
    await client.query(begin)
    const result = await work(client)
    await client.query('commit')
    client.release()
    return result
  } catch (error) {
    await undo(client, error)
    throw error
  }
}

/** A connection whose transaction can't be ended goes for good: nobody else may get it. */
async function undo(client: PoolClient, cause: unknown): Promise<void> {
  if (isDatabaseOutage(cause)) return client.release(cause as Error)
  await client.query('rollback').then(
    () => client.release(),
    (error) => client.release(error),
  )
}
