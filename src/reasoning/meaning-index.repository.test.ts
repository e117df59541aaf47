import { PGlite } from '@electric-sql/pglite'
import { vector as pgvector } from '@electric-sql/pglite-pgvector'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readMigrations } from '../infra/migration-files.ts'
import { findMeaningIndex, makeMeaningIndex } from './meaning-index.repository.ts'
import { createReasoningSearchRepository } from './reasoning-search.repository.ts'
import { rankByMeaning } from './reasoning-search.ts'
import { bytesOf, signatureOf } from './signature.ts'

/** A PostgreSQL in WASM that has pgvector, for one connection at a time. */
let database: PGlite
let server: PGLiteSocketServer
let pool: pg.Pool

beforeAll(async () => {
  database = await PGlite.create({ extensions: { vector: pgvector } })
  server = new PGLiteSocketServer({ db: database, port: 0, host: '127.0.0.1', maxConnections: 4 })
  await server.start()
  pool = new pg.Pool({ connectionString: `postgres://postgres@${server.getServerConn()}/postgres`, max: 1 })
  await createTables()
})
afterAll(async () => {
  await pool.end()
  await server.stop()
  await database.close()
})

const index = 'reasoning_vectors_by_nearness'
const model = 'm'

test('the index of pgvector is made where the extension is, and finds what reading everything finds', async () => {
  await fill('large', 1_500)
  await fill('small', 30)
  expect(await findMeaningIndex(pool)).toBeNull()
  await makeMeaningIndex(pool)
  expect(await findMeaningIndex(pool), 'without the extension').toBeNull()
  const asked = vectorOf(7, 'large')
  const exact = await nearest('large', asked)
  expect(exact).toHaveLength(400)
  expect(exact[0]).toBe('large-7')

  await pool.query('create schema extra')
  await pool.query('create extension vector schema extra')
  await makeMeaningIndex(pool)
  await makeMeaningIndex(pool)
  expect(await findMeaningIndex(pool)).toEqual({ schema: '"extra"', isIterative: true })

  // So few rows would be sorted.
  await pool.query('set enable_sort = off; set enable_seqscan = off; set enable_bitmapscan = off')
  const before = await scans()
  const indexed = await nearest('large', asked)
  expect(await scans()).toBeGreaterThan(before)
  expect(indexed.slice(0, 10)).toEqual(exact.slice(0, 10))
  expect(indexed.filter((id) => exact.includes(id)).length, 'of 400').toBeGreaterThan(360)

  await pool.query("update ledger_heads set sequence = 60000 where tenant_id = 'small'")
  const few = await nearest('small', asked)
  expect(few, 'all of it, though the index came upon others first').toHaveLength(30)
  expect(few.every((id) => id.startsWith('small-'))).toBe(true)
  expect(await nearest('large', asked, 'another')).toEqual([])
})

test('what is left of an attempt that was broken off is made anew', async () => {
  await pool.query(`update pg_index set indisvalid = false where indexrelid = '${index}'::regclass`)
  expect(await findMeaningIndex(pool)).toBeNull()
  await makeMeaningIndex(pool)
  expect(await findMeaningIndex(pool)).not.toBeNull()
})

test('an extension that is too old is left alone', async () => {
  await pool.query("update pg_extension set extversion = '0.6.2' where extname = 'vector'")
  expect(await findMeaningIndex(pool)).toBeNull()
  await pool.query("update pg_extension set extversion = '0.7.4' where extname = 'vector'")
  expect(await findMeaningIndex(pool)).toMatchObject({ isIterative: false })
  expect(await nearest('large', vectorOf(9, 'large'))).toContain('large-9')
})

/** Those of the migration; the extensions that its other indexes need are not there. */
async function createTables(): Promise<void> {
  const migration = (await readMigrations()).find(({ name }) => name.endsWith('_reasoning'))
  const statements = migration?.sql.split(';').filter((text) => /create table|by_signature/i.test(text)) ?? []
  await pool.query(statements.join(';'))
}

async function fill(tenantId: string, count: number): Promise<void> {
  await pool.query('insert into ledger_heads (tenant_id, sequence, hash, signed_at) values ($1, $2, $3, now())', [
    ...[tenantId, count > 100 ? 60_000 : count, Buffer.alloc(32)],
  ])
  const vectors = Array.from({ length: count }, (_, seed) => vectorOf(seed, tenantId))
  await pool.query(
    `insert into reasoning_vectors (tenant_id, model, reasoning_id, signature, vector)
     select $1, '${model}', id, signature::bit(512), vector
     from unnest($2::text[], $3::text[], $4::bytea[]) as g(id, signature, vector)`,
    [tenantId, vectors.map((_, seed) => `${tenantId}-${seed}`), vectors.map(signatureOf), vectors.map(bytesOf)],
  )
}

async function nearest(tenantId: string, vector: Float32Array, ofModel = model): Promise<string[]> {
  const search = createReasoningSearchRepository(pool)
  return rankByMeaning(vector, await search.findByMeaning(tenantId, { model: ofModel, vector, filter: {} }))
}

async function scans(): Promise<number> {
  await pool.query('select pg_stat_force_next_flush()')
  const { rows } = await pool.query('select idx_scan::int as count from pg_stat_user_indexes where indexrelname = $1', [
    index,
  ])
  return rows[0].count
}

/** Some near each other, as meanings are. */
function vectorOf(seed: number, tenantId: string): Float32Array {
  const start = (seed % 25) + tenantId.length
  const vector = Float32Array.from(
    { length: 512 },
    (_, at) => Math.sin((at + 1) * start * 1.7) + 0.4 * Math.sin((at + 1) * (seed + 1) * 0.913),
  )
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}
