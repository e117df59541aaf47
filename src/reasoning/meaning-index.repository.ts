import { escapeIdentifier, type Pool, type PoolClient } from 'pg'

/**
 * The index of pgvector over signatures: made where the extension is there, in 0.7 or later, and done without where it
 * isn't. It is no part of the tables that migrations know, so that a database may get the extension, or lose it, at any
 * time.
 */
export interface MeaningIndex {
  /** Where its operators are, quoted. */
  schema: string
  /** From 0.8 on it goes on until it has found as many as were asked for. */
  isIterative: boolean
}

const name = 'reasoning_vectors_by_nearness'
/** Any number that nobody else takes. */
const lock = 7_220_316

/** Null: there is none, or none yet that could be used. */
export async function findMeaningIndex(pool: Pool | PoolClient): Promise<MeaningIndex | null> {
  const { rows } = await pool.query(findExtension, [name])
  const [found] = rows
  return found && isUsable(found.version) && found.isValid ? shapeOf(found) : null
}

/** Makes it where it can be; nobody who writes waits for it. Whoever comes while another is at it leaves it to them. */
export async function makeMeaningIndex(pool: Pool): Promise<void> {
  const { rows } = await pool.query(findExtension, [name])
  const [found] = rows
  if (!found || !isUsable(found.version) || found.isValid) return
  const client = await pool.connect()
  // Ended afterwards: neither its settings nor its lock are for others.
  const patient = (text: string) => client.query({ text, query_timeout: 2 ** 31 - 1 } as { text: string })
  try {
    await patient('set statement_timeout = 0')
    const { rows: locked } = await client.query('select pg_try_advisory_lock($1) as mine', [lock])
    if (!locked[0].mine) return
    // What is left of an attempt that was broken off.
    await patient(`drop index concurrently if exists ${name}`)
    await patient(
      `create index concurrently ${name} on reasoning_vectors
       using hnsw (signature ${shapeOf(found).schema}.bit_hamming_ops)`,
    )
  } finally {
    client.release(true)
  }
}

function shapeOf({ schema, version }: { schema: string; version: string }): MeaningIndex {
  return { schema: escapeIdentifier(schema), isIterative: isAtLeast(version, 8) }
}

function isUsable(version: string): boolean {
  return isAtLeast(version, 7)
}

/** Of 0.x. */
function isAtLeast(version: string, minor: number): boolean {
  const [major = 0, given = 0] = version.split('.').map(Number)
  return major > 0 || given >= minor
}

const findExtension = `
  select e.extversion as version, n.nspname as schema, coalesce((
    select i.indisvalid from pg_index i where i.indexrelid = to_regclass($1)), false) as "isValid"
  from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'vector'`
