import { setTimeout as pause } from 'node:timers/promises'
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

const attempts = 10
const longestPauseMs = 10

/** Serialization failure, deadlock, and a row that was expected to be new: the transaction did nothing. */
const racedCodes = new Set(['40001', '40P01', '23505'])

/** Anew, a moment later, what has done nothing because others were at the same rows. */
export async function untilUnraced<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt === attempts || !isRaced(error)) throw error
      await pause(Math.random() * longestPauseMs * attempt)
    }
  }
}

/** Says so itself, where PostgreSQL sees nothing wrong. */
export class RacedError extends Error {}

function isRaced(error: unknown): boolean {
  return error instanceof RacedError || racedCodes.has(String((error as { code?: unknown }).code))
}
