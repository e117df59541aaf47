/** Ten records by meaning, by hand: the signatures that are nearest, and of those the vectors that are. */
import { createSentenceEncoder } from '../../src/models/sentence-encoder.ts'
import { dotProduct, signatureOf, vectorOf } from '../../src/reasoning/signature.ts'
import { serve } from './serve.ts'

interface Asked {
  tenantId: string
  model: string
  query: string
}

const encoder = createSentenceEncoder()
/** As the product does, so that it isn't the encoder that is measured. */
const vectors = new Map<string, Float32Array>()

serve(async (body, pool) => {
  const { tenantId, model, query } = JSON.parse(body) as Asked
  const vector = vectors.get(query) ?? (await encoder.encode([[query]]))[0] ?? new Float32Array(512)
  vectors.set(query, vector)
  const near = await pool.query<{ id: string; vector: Buffer }>(
    `select n.reasoning_id as id, v.vector from (
       select reasoning_id from reasoning_vectors where tenant_id = $1 and model = $2
       order by bit_count(signature # $3::bit(512)) limit 400) n
     cross join lateral (
       select vector from reasoning_vectors v
       where v.tenant_id = $1 and v.model = $2 and v.reasoning_id = n.reasoning_id offset 0) v`,
    [tenantId, model, signatureOf(vector)],
  )
  const hits = near.rows
    .map((row) => ({ id: row.id, score: dotProduct(vectorOf(row.vector), vector) }))
    .sort((one, other) => other.score - one.score)
    .slice(0, 10)
  const ids = hits.map(({ id }) => id)
  const found = await pool.query(
    `select id, summary, conclusion from reasoning_traces where tenant_id = $1 and id = any($2)`,
    [tenantId, ids],
  )
  const byId = new Map(found.rows.map((row) => [row.id, row]))
  return JSON.stringify(hits.map(({ id, score }) => ({ score, trace: byId.get(id) })))
})
